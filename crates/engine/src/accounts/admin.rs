//! What the administrator's command does to accounts: no token, since it has the database itself.

use crate::{
    Engine, EngineError,
    accounts::fold_email,
    views::{Account, NewAccount},
};
use chatai_store::ops::accounts as rows;
use chatai_types::{ErrorCode, UserId, UserRole, email_fault};

/// The longest name to show, in characters, as registering has it.
const DISPLAY_NAME_CHARS: usize = 200;

/// An account as named on a command line.
#[derive(Clone, Debug)]
pub enum AccountSelector {
    /// By id.
    Id(UserId),
    /// By e-mail, as given or without case.
    Email(String),
}

impl AccountSelector {
    /// A number is an id, anything else an e-mail.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(id) => Self::Id(UserId(id)),
            Err(_) => Self::Email(text.to_owned()),
        }
    }
}

impl Engine {
    /// All accounts, by id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, EngineError> {
        let rows = self.read(rows::list).await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// Adds an account, whether registration is open or not.
    ///
    /// # Errors
    /// `email_taken`; `validation_error` for what is no e-mail address, a password of the wrong length, or a name
    /// that is too long or holds control characters.
    pub async fn add_account_as_admin(
        &self,
        new: NewAccount,
        role: UserRole,
    ) -> Result<Account, EngineError> {
        if let Some(reason) = email_fault(&new.email) {
            return Err(EngineError::new(ErrorCode::Validation, reason));
        }
        check_display_name(new.display_name.as_deref().unwrap_or_default())?;
        self.check_password_length(&new.password)?;
        let added = self.add_account(new, None).await?;
        if role == UserRole::Admin {
            self.set_role(&AccountSelector::Id(added.id), role).await?;
        }
        self.select(&AccountSelector::Id(added.id))
            .await
            .map(Account::from)
    }

    /// Sets what an account may do.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn set_role(&self, who: &AccountSelector, role: UserRole) -> Result<Account, EngineError> {
        let owner = self.select(who).await?.id;
        self.store()
            .write(move |tx| rows::set_role(tx, owner, role))
            .await?;
        self.inner.accounts.forget_checked();
        self.select(&AccountSelector::Id(owner)).await.map(Account::from)
    }

    /// Shuts an account, which ends its sessions and what runs for it, or opens it again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn set_disabled(&self, who: &AccountSelector, disabled: bool) -> Result<Account, EngineError> {
        let owner = self.select(who).await?.id;
        self.store()
            .write(move |tx| rows::set_disabled(tx, owner, disabled))
            .await?;
        self.inner.revoke(|payer| disabled && payer.owner == owner);
        self.select(&AccountSelector::Id(owner)).await.map(Account::from)
    }

    /// Sets an account's password, which ends its sessions.
    ///
    /// # Errors
    /// `not_found`, `validation_error` for a password of the wrong length.
    pub async fn reset_password(&self, who: &AccountSelector, new: &str) -> Result<Account, EngineError> {
        self.check_password_length(new)?;
        let account = self.select(who).await?;
        self.set_password(account.id, new).await?;
        Ok(account.into())
    }

    fn check_password_length(&self, password: &str) -> Result<(), EngineError> {
        let (min, max) = self.password_limits();
        if password.trim().is_empty() || !(min..=max).contains(&password.chars().count()) {
            let detail = format!("A password has {min} to {max} characters and is not blank");
            return Err(EngineError::new(ErrorCode::Validation, detail));
        }
        Ok(())
    }

    async fn select(&self, who: &AccountSelector) -> Result<rows::Account, EngineError> {
        let found = match who.clone() {
            AccountSelector::Id(owner) => self.read(move |tx| rows::get(tx, owner)).await?,
            AccountSelector::Email(email) => {
                let folded = fold_email(&email);
                let found = self
                    .read(move |tx| rows::credentials(tx, &email, &folded))
                    .await?;
                found.map(|found| found.account)
            }
        };
        found.ok_or_else(|| EngineError::new(ErrorCode::NotFound, "No such account"))
    }
}

fn check_display_name(name: &str) -> Result<(), EngineError> {
    if name.chars().count() > DISPLAY_NAME_CHARS || name.contains(char::is_control) {
        let detail =
            format!("A name has at most {DISPLAY_NAME_CHARS} characters, none of them a control character");
        return Err(EngineError::new(ErrorCode::Validation, detail));
    }
    Ok(())
}
