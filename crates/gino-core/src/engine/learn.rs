//! Owns the learning of types: what a prepared statement needs to know of its parameters and columns
//! is looked up in the catalog, and the server is asked for what is not there.
//! Never decides how a type travels: `codec::catalog` does. `Seat` runs it before the first use.

use std::collections::HashSet;
use std::sync::Arc;

use super::Engine;
use super::seat::Seat;
use crate::codec::catalog::{Customs, Missing};
use crate::codec::{Kind, Oid, Type};
use crate::error::Result;
use crate::row::Columns;
use crate::runtime::Runtime;
use crate::session::{Known, Request, Sql, Statement, Status};

impl<R: Runtime> Engine<R> {
    /// Forgets what is known of the types of the database.
    pub fn forget_types(&self) {
        self.0.catalog.forget();
    }
}

impl<R: Runtime> Seat<R> {
    /// `statement` with all that has to be known of its types. What cannot be learnt, in a transaction
    /// that has failed or without the right to, travels as text.
    pub(super) async fn informed(
        self: &Arc<Self>,
        statement: Arc<Statement>,
    ) -> Result<Arc<Statement>> {
        let catalog = self.session.catalog();
        if let Known::Learnt { epoch, .. } = &statement.known
            && *epoch == catalog.epoch()
        {
            return Ok(statement);
        }
        let columns = statement.columns.iter().map(|column| column.oid);
        let oids: Vec<Oid> = statement.params.iter().copied().chain(columns).collect();
        let (epoch, mut learnt) = self.learn(&oids, &self.session.customs()).await?;
        let columns = learnt.split_off(statement.params.len());
        let mut informed = Statement::clone(&statement);
        informed.columns = with_types(&statement.columns, columns);
        informed.known = Known::Learnt {
            epoch,
            params: learnt.into(),
        };
        let informed = Arc::new(informed);
        // In a transaction that has failed nothing was learnt, and nothing will run.
        if self.status() != Status::Failed {
            self.session.refine(Arc::clone(&informed));
        }
        Ok(informed)
    }

    /// The columns of a result that has come already, with what the server says of their types now.
    ///
    /// # Errors
    /// As [`Seat::run`].
    ///
    /// # Cancellation
    /// Harmless.
    pub(super) async fn learn_anew(
        self: &Arc<Self>,
        columns: &Arc<Columns>,
    ) -> Result<Arc<Columns>> {
        self.session.catalog().forget();
        let oids: Vec<Oid> = columns.iter().map(|column| column.oid).collect();
        let (_, learnt) = self.learn(&oids, &self.session.customs()).await?;
        let anew: Vec<_> = columns.iter().cloned().zip(learnt).collect();
        // The bytes are there: their formats stay.
        let anew = anew.into_iter().map(|(mut column, learnt)| {
            if learnt
                .as_ref()
                .is_some_and(|ty| ty.format() == column.format)
            {
                column.learnt = learnt;
            }
            column
        });
        Ok(Arc::new(anew.collect()))
    }

    /// What the type `oid` is, codecs of the host aside.
    ///
    /// # Errors
    /// As [`Seat::run`].
    ///
    /// # Cancellation
    /// Harmless.
    pub async fn describe(self: &Arc<Self>, oid: Oid) -> Result<Arc<Type>> {
        let (_, learnt) = self.learn(&[oid], &Customs::new()).await?;
        let learnt = learnt.into_iter().next().flatten();
        Ok(learnt.unwrap_or_else(|| Arc::new(Type::plain(oid, Kind::of(oid)))))
    }

    /// The types that the host reads and writes itself on this connection.
    pub fn customs(&self) -> Arc<Customs> {
        self.session.customs()
    }

    /// Changes them, for all statements from now on.
    pub fn set_customs(&self, customs: Arc<Customs>) {
        self.session.set_customs(customs);
    }

    /// Forgets how `sql` was prepared, and all that is known of types: a value did not fit. Whether
    /// that may change anything.
    pub(super) fn doubt(&self, sql: &Sql) -> bool {
        let usable = !matches!(self.status(), Status::Failed | Status::Closed);
        if usable {
            self.session.catalog().forget();
            self.session.forget(sql);
        }
        usable
    }

    /// Forgets what is known of the types of the database, for all connections to it.
    pub fn forget_types(&self) {
        self.session.catalog().forget();
    }

    /// What is known of types, None for the server's own, and in which epoch.
    async fn learn(
        self: &Arc<Self>,
        oids: &[Oid],
        customs: &Customs,
    ) -> Result<(u64, Vec<Option<Arc<Type>>>)> {
        let catalog = self.session.catalog();
        let mut absent = HashSet::new();
        let mut refused = !catalog.learns();
        loop {
            let epoch = catalog.epoch();
            let mut missing = Missing::default();
            let resolve = |oid: &Oid| catalog.resolve(*oid, customs, &absent, &mut missing);
            let resolved: Vec<_> = oids.iter().map(resolve).collect();
            if missing.is_empty() || refused {
                return Ok((epoch, resolved));
            }
            if self.status() == Status::Failed || absent.len() > MOST {
                refused = true;
                continue;
            }
            missing.oids.sort_unstable();
            missing.oids.dedup();
            let (oids, all) = (missing.oids.as_slice(), missing.all);
            match self.request(|| Request::Types { oids, all }, None).await {
                Ok(done) => {
                    let types = done.rare.map(|rare| rare.types).unwrap_or_default();
                    let found: HashSet<Oid> = types.iter().map(|entry| entry.oid).collect();
                    catalog.learn(epoch, types, all);
                    // What is not there, or was forgotten at once, is not asked for twice.
                    absent.extend(
                        oids.iter()
                            .filter(|oid| !found.contains(*oid) || catalog.epoch() != epoch),
                    );
                    refused = all && catalog.epoch() != epoch;
                }
                // A transaction that has failed by it, or a connection that is gone, is to be told of.
                Err(error) if error.db().is_none() || self.status() == Status::Failed => {
                    return Err(error);
                }
                Err(_) => refused = true,
            }
        }
    }
}

/// Columns, with their types and the formats that follow.
fn with_types(columns: &Columns, types: Vec<Option<Arc<Type>>>) -> Arc<Columns> {
    let columns = columns.iter().cloned().zip(types);
    let columns = columns.map(|(mut column, learnt)| {
        column.format = match &learnt {
            Some(learnt) => learnt.format(),
            None => Kind::of(column.oid).format(),
        };
        column.learnt = learnt;
        column
    });
    Arc::new(columns.collect())
}

/// How many types that do not exist are asked for until somebody is taken for a liar.
const MOST: usize = 100_000;
