//! Accounts as administrators see and change them.

use super::Administrator;
use crate::{
    Engine, EngineError,
    money::{Budget, check_limit},
    views::Account,
};
use chatai_store::ops::{
    administration::{self, Changed},
    budgets,
};
use chatai_types::{BudgetPeriod, ErrorCode, Money, UserId, UserRole};

impl Engine {
    /// Accounts by id, those after `after`, at most so many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn accounts(
        &self,
        _: &Administrator,
        after: UserId,
        limit: i64,
    ) -> Result<Vec<Account>, EngineError> {
        let rows = self
            .read(move |tx| administration::accounts(tx, after, limit))
            .await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// Sets what an account may do and whether it is shut, each where it is given. What runs for an account ends when it is
    /// shut.
    ///
    /// # Errors
    /// `not_found`, `last_administrator`.
    pub async fn change_account(
        &self,
        _: &Administrator,
        id: UserId,
        role: Option<UserRole>,
        disabled: Option<bool>,
    ) -> Result<Account, EngineError> {
        let changed = self
            .store()
            .write(move |tx| administration::change(tx, id, role, disabled))
            .await?;
        let changed = account(changed)?;
        self.inner.revoke(|payer| changed.disabled && payer.owner == id);
        Ok(changed)
    }

    /// Sets what an account may spend; takes effect with its next message.
    ///
    /// # Errors
    /// `not_found`, `validation_error` for a limit out of range.
    pub async fn set_budget(
        &self,
        _: &Administrator,
        id: UserId,
        limit: Option<Money>,
        period: BudgetPeriod,
    ) -> Result<Budget, EngineError> {
        check_limit(limit)?;
        let now = self.now();
        self.store()
            .write(move |tx| budgets::set(tx, id, limit, period, now))
            .await?;
        self.budget_of(id).await?.ok_or_else(no_account)
    }
}

fn account(changed: Changed) -> Result<Account, EngineError> {
    match changed {
        Changed::Account(account) => Ok(account.into()),
        Changed::NotFound => Err(no_account()),
        Changed::LastAdministrator => Err(EngineError::new(
            ErrorCode::LastAdministrator,
            "This is the last administrator; make another account administrator first",
        )),
    }
}

fn no_account() -> EngineError {
    EngineError::new(ErrorCode::NotFound, "No such account")
}
