//! Owns where a built statement runs, and for how long at most: the model's database unless `on` says
//! otherwise. Never runs one by itself, `query` does. Creates, queries and their like hold one, and
//! have their words for it from here.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::TransactionOptions;
use gino_core::error::{Error, Result};
use gino_core::session::{Completion, Params, Sink, Sql};

use crate::begin::Begin;
use crate::connection::{Acquire, Connection};
use crate::context::deadline;
use crate::driver::{Core, Handle, Seat};
use crate::gino::Gino;
use crate::level::Level;
use crate::param::Built;
use crate::query::{self, Executor, Place, Target, sealed::Runs};
use crate::record::{Load, LoadSink};
use crate::transaction::{self, Transaction};

/// What can be told where to run and for how long at most: creates, updates and their like. It is
/// there for what the derives make; everybody else calls `on` and `timeout`.
#[doc(hidden)]
pub trait Placed: Sized {
    fn placed(self, executor: &(impl Executor + ?Sized)) -> Self;
    fn limited(self, timeout: Duration) -> Self;
}

/// The words of a builder with a field `on: On`, and `Debug` with the fields in brackets. They may be
/// fields of another one, which `in` names.
macro_rules! placed {
    (
        $builder:ident $(<$($life:lifetime,)? $($letter:ident: $bound:path),+>)?
        $(where $key:ty: $of:path)? $(, in $inner:ident)?, [$($shown:ident),*]
    ) => {
        $crate::place::words!(
            $builder $(<$($life,)? $($letter: $bound),+>)? $(where $key: $of)? $(, in $inner)?
        );

        impl $(<$($life,)? $($letter: $bound),+>)? ::std::fmt::Debug
            for $builder $(<$($life,)? $($letter),+>)?
        {
            /// Without values: those may be secret.
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let inner = &self$(.$inner)?;
                f.debug_struct(stringify!($builder))
                    $(.field(stringify!($shown), &inner.$shown))*
                    .field("on", &inner.on)
                    .finish_non_exhaustive()
            }
        }
    };
}

/// The words alone.
macro_rules! words {
    (
        $builder:ident $(<$($life:lifetime,)? $($letter:ident: $bound:path),+>)?
        $(where $key:ty: $of:path)? $(, in $inner:ident)?
    ) => {
        impl $(<$($life,)? $($letter: $bound),+>)? $builder $(<$($life,)? $($letter),+>)?
        $(where $key: $of)?
        {
            /// Runs on `executor`: a `Gino`, an engine, a connection, a transaction. A model's
            /// statements do not need it: they run on the model's database, in the current
            /// transaction or connection if there is one.
            pub fn on(mut self, executor: &(impl $crate::Executor + ?Sized)) -> Self {
                self$(.$inner)?.on.set(executor);
                self
            }

            /// Runs at most this long, waiting for a connection included.
            pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self$(.$inner)?.on.limit(timeout);
                self
            }
        }

        impl $(<$($life,)? $($letter: $bound),+>)? $crate::place::Placed
            for $builder $(<$($life,)? $($letter),+>)? $(where $key: $of)?
        {
            fn placed(self, executor: &(impl $crate::Executor + ?Sized)) -> Self {
                self.on(executor)
            }

            fn limited(self, timeout: ::std::time::Duration) -> Self {
                self.timeout(timeout)
            }
        }
    };
}

/// Awaiting a builder is its method `run`.
macro_rules! awaited {
    ($builder:ident<$letter:ident: $bound:path> $(where $key:ty: $of:path)? => $output:ty) => {
        impl<$letter: $bound> IntoFuture for $builder<$letter> $(where $key: $of)? {
            type Output = $crate::Result<$output>;
            type IntoFuture = $crate::BoxFuture<Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                // Room first: the future is made there, not copied there.
                let made = Box::write(Box::new_uninit(), self.run());
                Box::into_pin(made)
            }
        }
    };
}
pub(crate) use awaited;
pub(crate) use placed;
pub(crate) use words;

/// Where a statement runs, and for how long at most.
#[derive(Clone)]
pub(crate) struct On {
    given: Option<Given>,
    timeout: Option<Duration>,
    db: fn() -> &'static Gino,
    /// The line of the application that made the builder.
    origin: &'static Location<'static>,
}

#[derive(Clone)]
enum Given {
    Pool(Core),
    Handle(Arc<Handle>),
    Transaction(Arc<Level>),
    /// A database that nothing was bound to.
    Unbound,
}

impl On {
    /// The database `db`, on the current connection.
    #[track_caller]
    pub(crate) fn new(db: fn() -> &'static Gino) -> On {
        On {
            given: None,
            timeout: None,
            db,
            origin: Location::caller(),
        }
    }

    /// `executor`, as it is bound now.
    #[track_caller]
    pub(crate) fn given(executor: &(impl Executor + ?Sized)) -> On {
        static NOWHERE: Gino = Gino::new();
        let mut on = On::new(|| &NOWHERE);
        on.set(executor);
        on
    }

    /// From now on `executor`.
    pub(crate) fn set(&mut self, executor: &(impl Executor + ?Sized)) {
        self.given = Some(match executor.target() {
            Ok(target) => {
                self.timeout = target.timeout.or(self.timeout);
                match target.place {
                    Place::Pool => Given::Pool(target.core.into_owned()),
                    Place::Handle(handle) => Given::Handle(Arc::clone(handle)),
                    Place::Transaction(level) => Given::Transaction(Arc::clone(level)),
                }
            }
            Err(_) => Given::Unbound,
        });
    }

    /// From now on at most this long.
    pub(crate) fn limit(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// # Errors
    /// `Uninitialized` if nothing is bound.
    pub(crate) fn target(&self) -> Result<Target<'_>> {
        let mut target = match &self.given {
            None => (self.db)().target()?,
            Some(Given::Pool(core)) => Target::new(core, Place::Pool),
            Some(Given::Handle(handle)) => Target::new(handle.engine(), Place::Handle(handle)),
            Some(Given::Transaction(level)) => {
                Target::new(level.handle.engine(), Place::Transaction(level))
            }
            Some(Given::Unbound) => {
                return Err(Error::from(gino_core::error::UsageError::Uninitialized));
            }
        };
        target.timeout = self.timeout.or(target.timeout);
        target.origin = Some(self.origin);
        Ok(target)
    }

    /// What the rows of `sql` come to, which go to `load`. At most `max_rows`, if that is not 0.
    pub(crate) async fn load<L: Load>(
        &self,
        sql: &Sql,
        values: &dyn Params,
        max_rows: u32,
        load: L,
    ) -> Result<Vec<L::Output>> {
        let sink = self.loaded(sql, values, max_rows, load).await?;
        Ok(sink.map_or_else(Vec::new, |mut sink| sink.load.take()))
    }

    /// As [`On::load`]; `load` comes back.
    pub(crate) fn loaded<'a, L: Load>(
        &'a self,
        sql: &'a Sql,
        values: &'a dyn Params,
        max_rows: u32,
        load: L,
    ) -> impl Future<Output = Result<Option<Box<LoadSink<L>>>>> + Send + 'a {
        let sink = LoadSink::boxed(load);
        async move {
            let target = self.target()?;
            let done = query::statement(&target, sql, values, max_rows, sink).await?;
            Ok(LoadSink::of(done.sink))
        }
    }

    /// As [`On::loaded`], for what is put together each time.
    pub(crate) async fn loaded_built<L: Load>(
        &self,
        built: Built,
        load: L,
    ) -> Result<Option<Box<LoadSink<L>>>> {
        // On the heap: statements whose text is known would have room for it.
        Box::pin(self.loaded(&built.sql, &built, 0, load)).await
    }

    /// Runs `sql` for its command tag.
    pub(crate) async fn status(&self, sql: &Sql, values: &dyn Params) -> Result<query::Status> {
        let done = self.run(sql, values, 0, None).await?;
        Ok(query::Status::of(done))
    }

    /// A connection for several requests, held until it is dropped.
    pub(crate) async fn hold(&self) -> Result<Held> {
        let target = self.target()?;
        if !matches!(target.place, Place::Pool) {
            let seat = query::cursor_seat(&target).await?;
            return Ok(Held { seat, _of: None });
        }
        let acquire = Acquire::at(self.origin, Some(target.core.into_owned()));
        let connection = acquire.reuse().await?;
        Ok(Held {
            seat: connection.seat().await?,
            _of: Some(connection),
        })
    }

    /// Runs `body` in a transaction, or in a savepoint of the one that it stands in, within the time
    /// that was given for all of it.
    pub(crate) async fn transaction<T: 'static>(
        mut self,
        body: impl AsyncFnOnce(On) -> Result<T>,
    ) -> Result<T> {
        let timeout = self.timeout.take();
        let target = self.target()?;
        let timeout = timeout.or(target.timeout);
        let core = target.core.as_ref();
        let within = async |tx: Transaction| body(On::given(&tx)).await;
        limited(timeout, async {
            match target.place {
                Place::Transaction(level) => transaction::nested(core, level, within).await,
                Place::Handle(handle) => {
                    let options = TransactionOptions::default();
                    let ended = transaction::run(core, handle, None, options, within).await;
                    ended.finish(core).await
                }
                Place::Pool => {
                    let acquire = Acquire::at(self.origin, Some(core.clone()));
                    Begin::on_pool(acquire).run(within).await
                }
            }
        })
        .await
    }

    /// Runs `body`, several statements, within the time that was given for all of them.
    pub(crate) async fn together<T>(
        mut self,
        body: impl AsyncFnOnce(On) -> Result<T>,
    ) -> Result<T> {
        let timeout = self.timeout.take();
        limited(timeout, body(self)).await
    }

    /// Runs a script.
    pub(crate) async fn script(&self, sql: &str) -> Result<()> {
        query::script(&self.target()?, sql).await
    }

    pub(crate) async fn run(
        &self,
        sql: &Sql,
        values: &dyn Params,
        max_rows: u32,
        sink: Option<Box<dyn Sink>>,
    ) -> Result<Completion> {
        query::statement(&self.target()?, sql, values, max_rows, sink).await
    }
}

async fn limited<F: Future>(timeout: Option<Duration>, flow: F) -> F::Output {
    match timeout {
        // On the heap: this is rare, and would make all the others larger.
        Some(timeout) => Box::pin(deadline(timeout, flow)).await,
        None => flow.await,
    }
}

/// See [`On::hold`].
pub(crate) struct Held {
    pub(crate) seat: Arc<Seat>,
    _of: Option<Connection>,
}

impl fmt::Debug for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.given {
            None => "the model's database",
            Some(Given::Pool(_)) => "an engine",
            Some(Given::Handle(..)) => "a connection",
            Some(Given::Transaction(..)) => "a transaction",
            Some(Given::Unbound) => "a database without an engine",
        })
    }
}
