//! `sslmode` against the test server, whichever way it is set up.

use super::{
    common::{Place, run},
    number,
};
use crate::{OpenError, PostgresOptions, Store};

const IS_ENCRYPTED: &str = "select count(*) from pg_stat_ssl where pid = pg_backend_pid() and ssl";

async fn open(place: &Place, mode: &str) -> Result<Store, OpenError> {
    let url = place.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let mut options = PostgresOptions::new(format!("{url}{separator}sslmode={mode}"));
    options.workers = 1;
    Store::open_postgres(options).await
}

#[test]
fn the_mode_is_obeyed() {
    run(async {
        let place = Place::postgres().await;
        let plain = open(&place, "disable").await.unwrap();
        assert_eq!(number(&plain, IS_ENCRYPTED).await, 0);
        let server_can = number(
            &plain,
            "select count(*) from pg_settings where name = 'ssl' and setting = 'on'",
        )
        .await;
        let preferred = open(&place, "prefer").await.unwrap();
        assert_eq!(number(&preferred, IS_ENCRYPTED).await, server_can);
        match open(&place, "require").await {
            Ok(store) => assert_eq!((server_can, number(&store, IS_ENCRYPTED).await), (1, 1)),
            Err(error) => assert!(
                server_can == 0 && matches!(error, OpenError::Connect(_)),
                "{error}"
            ),
        }
    });
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_where_it_matters() {
    run(async {
        let place = Place::postgres().await;
        // An authority that has signed nothing, least of all the test server's certificate.
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, include_str!("authority.pem")).unwrap();
        for mode in ["verify-full", "verify-ca", "require"] {
            let mode = format!("{mode}&sslrootcert={}", authority.display());
            let error = open(&place, &mode).await.unwrap_err();
            assert!(matches!(error, OpenError::Connect(_)), "{mode}: {error}");
        }
    });
}
