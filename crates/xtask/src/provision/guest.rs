//! A role of our own on a PostgreSQL server that is running already. All that the tests create belongs to
//! that role, so that all of it can be removed at the end, what a killed test left behind included.

use std::time::Duration;

use postgres::{Client, Config, NoTls};

/// Where servers listen unless they are told otherwise.
pub(super) const ADDRESS: &str = "127.0.0.1:5432";

const PREFIX: &str = "chatai_run_";
/// Keeps two runs from taking each other's new role for an abandoned one. Any number will do.
const LOCK: i64 = 0x6368_6174_6169;

/// The role, for as long as the tests run.
pub(crate) struct Guest {
    administrator: Client,
    /// Its presence tells other runs that the role is in use.
    presence: Option<Client>,
    role: String,
    url: String,
}

impl Guest {
    /// Signs in without a password under the usual names and makes the role; what abandoned runs left goes.
    pub(super) fn arrive() -> Result<Self, String> {
        let user = std::env::var("USER").unwrap_or_default();
        let names = ["postgres", "root", user.as_str()];
        let mut administrator = names
            .into_iter()
            .filter(|name| !name.is_empty())
            .find_map(|name| connect(name, "postgres").ok().and_then(entitled))
            .ok_or_else(|| {
                format!("no server at {ADDRESS} lets us in without a password to create databases")
            })?;
        let failed =
            |error: postgres::Error| format!("the server at {ADDRESS} refuses a role for the tests: {error}");
        administrator
            .execute("select pg_advisory_lock($1)", &[&LOCK])
            .map_err(failed)?;
        let outcome = Self::settle(&mut administrator);
        administrator
            .execute("select pg_advisory_unlock($1)", &[&LOCK])
            .map_err(failed)?;
        let (role, presence) = outcome.map_err(failed)?;
        let url = format!("postgres://{role}@{ADDRESS}/{role}");
        Ok(Self {
            administrator,
            presence: Some(presence),
            role,
            url,
        })
    }

    fn settle(administrator: &mut Client) -> Result<(String, Client), postgres::Error> {
        let abandoned = administrator.query(
            "select rolname::text from pg_roles where starts_with(rolname, $1)
             and not exists (select 1 from pg_stat_activity where usename = rolname)",
            &[&PREFIX],
        )?;
        for row in abandoned {
            remove(administrator, row.get(0))?;
        }
        let role = format!("{PREFIX}{}", std::process::id());
        administrator.batch_execute(&format!("create role {role} login createdb"))?;
        let made = administrator
            .batch_execute(&format!("create database {role} owner {role}"))
            .and_then(|()| connect(&role, &role));
        match made {
            Ok(presence) => Ok((role, presence)),
            Err(error) => {
                remove(administrator, &role)?;
                Err(error)
            }
        }
    }

    pub(super) fn role(&self) -> &str {
        &self.role
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.presence.take());
        if let Err(error) = remove(&mut self.administrator, &self.role) {
            eprintln!(
                "warning: role `{}` stays on the server at {ADDRESS}: {error}",
                self.role
            );
        }
    }
}

fn connect(user: &str, database: &str) -> Result<Client, postgres::Error> {
    let (host, port) = ADDRESS.split_once(':').expect("the address has a port");
    Config::new()
        .host(host)
        .port(port.parse().expect("the port is a number"))
        .user(user)
        .dbname(database)
        .connect_timeout(Duration::from_secs(2))
        .connect(NoTls)
}

/// The connection, if its user may do what [`Guest::settle`] does.
fn entitled(mut client: Client) -> Option<Client> {
    let row = client
        .query_one(
            "select rolsuper or (rolcreaterole and rolcreatedb) from pg_roles where rolname = current_user",
            &[],
        )
        .ok()?;
    row.get::<_, bool>(0).then_some(client)
}

/// Removes a role with all databases that it owns.
fn remove(administrator: &mut Client, role: &str) -> Result<(), postgres::Error> {
    let databases = administrator.query(
        "select quote_ident(datname) from pg_database where pg_get_userbyid(datdba) = $1",
        &[&role],
    )?;
    for row in databases {
        let database: &str = row.get(0);
        administrator.batch_execute(&format!("drop database if exists {database} with (force)"))?;
    }
    administrator.batch_execute(&format!("drop role if exists {role}"))
}
