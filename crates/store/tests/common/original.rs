//! Database files as the original service made them, for tests of the import.

use rusqlite::Connection;
use std::path::PathBuf;

/// The original's tables, without the constraints that real files turned out not to keep.
const SCHEMA: &str = "
    create table users (id integer not null, email varchar, password_hash varchar, display_name varchar,
        created_at datetime, primary key (id));
    create table conversations (id integer not null, user_id integer, title varchar, summary text,
        created_at datetime, primary key (id), foreign key (user_id) references users (id));
    create table messages (id integer not null, conversation_id integer, request_id integer, text text,
        summary text, created_at datetime, input_tokens integer, output_tokens integer, cached_tokens integer,
        model varchar, price real, primary key (id),
        foreign key (conversation_id) references conversations (id));
    create table attachments (id integer not null, message_id integer, filename varchar, content blob,
        content_type varchar, primary key (id), foreign key (message_id) references messages (id));
    create table usage_details (id integer not null, message_id integer, scope varchar, model varchar,
        input_tokens integer, output_tokens integer, cached_tokens integer, price real, created_at datetime,
        primary key (id), foreign key (message_id) references messages (id));
";

/// A file in a folder of its own, open for writing; both go in the end.
#[derive(Debug)]
pub(crate) struct OriginalFile {
    pub(crate) connection: Connection,
    pub(crate) folder: tempfile::TempDir,
}

impl OriginalFile {
    /// With the original's tables and no rows.
    pub(crate) fn empty() -> Self {
        let file = Self::without_tables();
        file.sql(SCHEMA);
        file
    }

    /// A database without tables.
    pub(crate) fn without_tables() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let connection = Connection::open(folder.path().join("app.db")).expect("a file can be made");
        connection
            .pragma_update(None, "foreign_keys", false)
            .expect("references are not enforced");
        Self { connection, folder }
    }

    /// Runs statements.
    pub(crate) fn sql(&self, statements: &str) {
        self.connection
            .execute_batch(statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }
}
