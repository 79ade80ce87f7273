//! Owns the place in actix-web: the middleware, the extractors, the error. Handlers there stay on
//! one thread; the scope of a request is that of its future, so nothing is different.
//! Never decides when something is given back: `request` does.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};

use super::failure::Failure;
use super::request::{Given, PerRequest};
use crate::connection::Connection;
use crate::transaction::Transaction;

impl<S, B> Transform<S, ServiceRequest> for PerRequest
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Transform = PerRequestService<S>;
    type InitError = ();
    type Future = Ready<Result<PerRequestService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(PerRequestService {
            inner: Rc::new(service),
            per_request: Rc::new(self.clone()),
        }))
    }
}

/// A service whose requests have a connection or a transaction each: see [`PerRequest`].
#[derive(Debug)]
pub struct PerRequestService<S> {
    inner: Rc<S>,
    per_request: Rc<PerRequest>,
}

impl<S, B> Service<ServiceRequest> for PerRequestService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, actix_web::Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), actix_web::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, per_request) = (Rc::clone(&self.inner), Rc::clone(&self.per_request));
        Box::pin(async move {
            let handle = move |given: Given| {
                if let Some(connection) = given.connection {
                    request.extensions_mut().insert(connection);
                }
                if let Some(transaction) = given.transaction {
                    request.extensions_mut().insert(transaction);
                }
                inner.call(request)
            };
            per_request
                .run(handle, is_good)
                .await
                .map_err(Failure::from)?
        })
    }
}

fn is_good<B>(response: &Result<ServiceResponse<B>, actix_web::Error>) -> bool {
    let status = response.as_ref().map(ServiceResponse::status);
    status.is_ok_and(|status| status.is_success() || status.is_redirection())
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::build(self.status_code())
            .content_type(ContentType::plaintext())
            .body(self.body().into_owned())
    }
}

macro_rules! extractor {
    ($what:ident, $name:literal) => {
        impl FromRequest for $what {
            type Error = Failure;
            type Future = Ready<Result<$what, Failure>>;

            /// What [`PerRequest`] gave the request.
            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let found = request.extensions().get::<$what>().cloned();
                ready(found.ok_or(Failure::NoLayer($name)))
            }
        }
    };
}

extractor!(Connection, "connection");
extractor!(Transaction, "transaction");
