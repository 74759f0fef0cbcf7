//! Sessions as their owners see them, by their owner alone.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{account, at, at_once, read, settle, settle_call, write},
};
use chatai_store::{
    Store,
    ops::{
        account_removal, accounts,
        sessions::{self, NewSession, SESSIONS, Session},
    },
};
use chatai_types::{SessionId, UserId};

/// A session that lasts until a moment.
fn until(session: &str, epoch: i64, expires: i64) -> NewSession {
    NewSession {
        session: session.to_owned(),
        epoch,
        user_agent: Some(format!("the browser of {session}")),
        created_at: at(10),
        expires_at: at(expires),
    }
}

async fn begin(store: &Store, owner: UserId, new: NewSession) {
    write(store, move |tx| sessions::add(tx, owner, &new)).await;
}

async fn list(store: &Store, owner: UserId, now: i64) -> Vec<Session> {
    read(store, move |tx| sessions::list(tx, owner, at(now))).await
}

async fn names(store: &Store, owner: UserId, now: i64) -> Vec<String> {
    let listed = list(store, owner, now).await;
    listed.into_iter().map(|session| session.session).collect()
}

async fn end(store: &Store, owner: UserId, id: SessionId, now: i64) -> Option<String> {
    write(store, move |tx| sessions::end(tx, owner, id, at(now))).await
}

async fn is_ended(store: &Store, owner: UserId, session: &'static str) -> bool {
    let state = read(store, move |tx| accounts::auth_state(tx, owner, session)).await;
    state.expect("the account is there").ended
}

conformance! {
    async fn a_session_is_listed_until_it_ends(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        begin(&store, owner, until("one", 0, 100)).await;
        begin(&store, owner, NewSession { user_agent: None, ..until("two", 0, 200) }).await;
        begin(&store, other, until("theirs", 0, 200)).await;
        let listed = list(&store, owner, 50).await;
        let expected = Session {
            id: listed[1].id,
            session: "one".to_owned(),
            user_agent: Some("the browser of one".to_owned()),
            created_at: at(10),
            last_used_at: None,
            expires_at: at(100),
        };
        assert_eq!((listed.len(), &listed[1], &listed[0].user_agent), (2, &expected, &None));
        assert_eq!(names(&store, owner, 99).await, ["two", "one"]);
        assert_eq!(names(&store, owner, 100).await, ["two"], "its token has expired");
        let id = listed[0].id;
        for (who, id) in [(other, id), (owner, SessionId(999))] {
            assert_eq!(end(&store, who, id, 50).await, None);
        }
        assert!(!is_ended(&store, owner, "two").await);
        assert_eq!(end(&store, owner, id, 50).await.as_deref(), Some("two"));
        assert!(is_ended(&store, owner, "two").await);
        assert_eq!(end(&store, owner, id, 50).await, None, "once is enough");
        assert_eq!(end(&store, owner, expected.id, 100).await, None, "it has ended by itself");
        assert_eq!(names(&store, owner, 50).await, ["one"]);
        assert_eq!(names(&store, other, 50).await, ["theirs"]);
        // Signing out by the token is as good.
        write(&store, move |tx| accounts::end_session(tx, owner, "one", at(100), at(50))).await;
        assert_eq!(names(&store, owner, 50).await, Vec::<String>::new());
    }

    async fn a_new_password_takes_the_earlier_ones_away(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        begin(&store, owner, until("before", 0, 100)).await;
        let id = list(&store, owner, 50).await[0].id;
        write(&store, move |tx| accounts::set_password(tx, owner, "second")).await;
        assert_eq!(names(&store, owner, 50).await, Vec::<String>::new());
        assert_eq!(end(&store, owner, id, 50).await, None);
        begin(&store, owner, until("after", 1, 100)).await;
        assert_eq!(names(&store, owner, 50).await, ["after"]);
        assert_eq!(number(&store.place, "select count(*) from sessions").await, 1, "what has ended is forgotten");
    }

    async fn an_account_keeps_so_many(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        begin(&store, other, until("theirs", 0, 100)).await;
        begin(&store, owner, until("short", 0, 10)).await;
        assert_eq!(number(&store.place, "select count(*) from sessions").await, 1, "it was over when it began");
        for place in 0..SESSIONS + 3 {
            begin(&store, owner, until(&format!("s{place}"), 0, 100)).await;
        }
        let listed = names(&store, owner, 50).await;
        assert_eq!(listed.len(), usize::try_from(SESSIONS).unwrap());
        assert_eq!((listed.first().unwrap().as_str(), listed.last().unwrap().as_str()), ("s202", "s3"));
        assert!(!is_ended(&store, owner, "s0").await, "what is not listed goes on");
        assert_eq!(names(&store, other, 50).await, ["theirs"]);
        // Many at once, on two instances.
        at_once(&store, 12, async |store, place| {
            begin(&store, other, until(&format!("more{place}"), 0, 100)).await;
        })
        .await;
        assert_eq!(names(&store, other, 50).await.len(), 13);
    }

    async fn the_latest_use_of_a_session_stands(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        begin(&store, owner, until("one", 0, 100)).await;
        for (used, expected) in [(20, 20), (30, 30), (25, 30)] {
            let uses = [("one".to_owned(), at(used)), ("unknown".to_owned(), at(used))];
            write(&store, move |tx| sessions::note_uses(tx, &uses)).await;
            assert_eq!(list(&store, owner, 50).await[0].last_used_at, Some(at(expected)));
        }
    }

    async fn sessions_go_with_their_account(store: TestStore) {
        account(&store, "a@example.com").await;
        let owner = account(&store, "b@example.com").await;
        begin(&store, owner, until("one", 0, 100)).await;
        write(&store, move |tx| account_removal::remove(tx, owner, at(60), settle, settle_call)).await;
        assert_eq!(number(&store.place, "select count(*) from sessions").await, 0);
        // A sign-in that comes too late leaves nothing.
        begin(&store, owner, until("late", 0, 100)).await;
        assert_eq!(number(&store.place, "select count(*) from sessions").await, 0);
    }
}
