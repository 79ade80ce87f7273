//! Owns the place in axum, and in any other service on tower: the layer, the extractors, responses.
//! Never decides when something is given back: `request` does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Request, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::failure::Failure;
use super::request::{Given, PerRequest};
use crate::connection::Connection;
use crate::transaction::Transaction;

impl<S> Layer<S> for PerRequest {
    type Service = PerRequestService<S>;

    fn layer(&self, inner: S) -> PerRequestService<S> {
        PerRequestService {
            inner,
            per_request: Arc::new(self.clone()),
        }
    }
}

/// A service whose requests have a connection or a transaction each: see [`PerRequest`].
#[derive(Debug, Clone)]
pub struct PerRequestService<S> {
    inner: S,
    per_request: Arc<PerRequest>,
}

impl<S, B> Service<Request<B>> for PerRequestService<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse + 'static,
    S::Error: Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that is ready is this one, not its clone.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let per_request = Arc::clone(&self.per_request);
        Box::pin(async move {
            let handle = move |given: Given| {
                let extensions = request.extensions_mut();
                if let Some(connection) = given.connection {
                    extensions.insert(connection);
                }
                if let Some(transaction) = given.transaction {
                    extensions.insert(transaction);
                }
                let response = inner.call(request);
                async move { response.await.map(IntoResponse::into_response) }
            };
            match per_request.run(handle, is_good).await {
                Ok(response) => response,
                Err(error) => Ok(Failure::from(error).into_response()),
            }
        })
    }
}

fn is_good<E>(response: &Result<Response, E>) -> bool {
    let status = response.as_ref().map(|response| response.status());
    status.is_ok_and(|status| status.is_success() || status.is_redirection())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body()).into_response();
        if let Failure::Gino(error) = self {
            response.extensions_mut().insert(Arc::new(error));
        }
        response
    }
}

macro_rules! extractor {
    ($what:ident, $name:literal) => {
        impl<S: Sync> FromRequestParts<S> for $what {
            type Rejection = Failure;

            /// What [`PerRequest`] gave the request.
            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<$what, Failure> {
                let found = parts.extensions.get::<$what>().cloned();
                found.ok_or(Failure::NoLayer($name))
            }
        }

        impl<S: Sync> OptionalFromRequestParts<S> for $what {
            type Rejection = Infallible;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &S,
            ) -> Result<Option<$what>, Infallible> {
                Ok(parts.extensions.get::<$what>().cloned())
            }
        }
    };
}

extractor!(Connection, "connection");
extractor!(Transaction, "transaction");
