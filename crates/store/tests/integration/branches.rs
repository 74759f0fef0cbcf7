//! Branches: several answers to one question, several questions behind one answer, and the line that leads to the head.

use crate::{
    common::{TestStore, conformance, run},
    support::{
        ANSWER_TOKENS, QUESTION_TOKENS, account, answered, at_once, call, close, end, expect_sound, message,
        open, read, try_open, turn, turn_again, turn_behind, write,
    },
};
use chatai_store::{
    Store,
    ops::{
        branches::{self, Chosen, Extent},
        messages::{self, Message, Part},
        turns::{self, Opened, OpenedTurn, Parent},
    },
};
use chatai_types::{ConversationId, MessageId, Scope, UserId};

async fn part(store: &Store, owner: UserId, id: ConversationId, part: Part) -> Vec<MessageId> {
    let found = read(store, move |tx| messages::branch(tx, owner, id, part)).await;
    ids(&found.expect("the conversation is there"))
}

async fn choose(store: &Store, owner: UserId, id: ConversationId, message: MessageId) -> Chosen {
    write(store, move |tx| branches::choose(tx, owner, id, message)).await
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

fn both(turn: OpenedTurn) -> [MessageId; 2] {
    [turn.request_message_id, turn.response_message_id]
}

/// Two exchanges; the second question is answered twice, and asked differently.
struct Forked {
    owner: UserId,
    id: ConversationId,
    first: [MessageId; 2],
    second: [MessageId; 2],
    /// The second question's other answer.
    again: MessageId,
    /// The other second question.
    edited: [MessageId; 2],
}

async fn forked(store: &Store) -> Forked {
    let owner = account(store, "a@example.com").await;
    let first = answered(store, turn(owner, None), 1).await;
    let id = first.conversation_id;
    let second = answered(store, turn(owner, Some(id)), 1).await;
    let again = answered(store, turn_again(owner, second.response_message_id), 1).await;
    assert_eq!(again.request_message_id, second.request_message_id);
    let parent = Parent::Message(first.response_message_id);
    let edited = answered(store, turn_behind(owner, id, parent), 1).await;
    Forked {
        owner,
        id,
        first: both(first),
        second: both(second),
        again: again.response_message_id,
        edited: both(edited),
    }
}

conformance! {
    async fn a_line_leads_to_the_head(store: TestStore) {
        let Forked { owner, id, first, second, again, edited } = forked(&store).await;
        let line = |end: &[MessageId]| [&first, end].concat();
        assert_eq!(part(&store, owner, id, Part::All).await, line(&edited));
        assert_eq!(choose(&store, owner, id, again).await, Chosen::Head(again));
        assert_eq!(part(&store, owner, id, Part::All).await, line(&[second[0], again]));
        assert_eq!(choose(&store, owner, id, second[1]).await, Chosen::Head(second[1]));
        assert_eq!(part(&store, owner, id, Part::All).await, line(&second));
        // A message in the middle stands for its latest end.
        assert_eq!(choose(&store, owner, id, second[0]).await, Chosen::Head(again));
        assert_eq!(choose(&store, owner, id, first[0]).await, Chosen::Head(edited[1]));
        let tree = read(&store, move |tx| messages::tree(tx, owner, id)).await.expect("it is there");
        let alone = async |who, extent| read(&store, move |tx| branches::ids(tx, who, id, extent)).await;
        assert_eq!(alone(owner, Extent::Tree).await, Some(ids(&tree)));
        assert_eq!(alone(owner, Extent::Branch).await, Some(line(&edited)));
        assert_eq!(alone(UserId(99), Extent::Tree).await, None);
        assert_eq!(ids(&tree), [&first[..], &second, &[again], &edited].concat());
        expect_sound(&store).await;
    }

    async fn siblings_follow_the_same_message(store: TestStore) {
        let Forked { owner, id, first, second, again, edited } = forked(&store).await;
        let tree = read(&store, move |tx| messages::tree(tx, owner, id)).await.expect("it is there");
        let expected = [
            vec![first[0]], vec![first[1]], vec![second[0], edited[0]], vec![second[1], again], vec![second[1], again],
            vec![second[0], edited[0]], vec![edited[1]],
        ];
        assert_eq!(tree.iter().map(|message| message.siblings.clone()).collect::<Vec<_>>(), expected);
        for of_tree in tree {
            assert_eq!(message(&store, owner, of_tree.id).await, of_tree);
        }
        // The same on one line, and on a page of it.
        let page = read(&store, move |tx| messages::branch(tx, owner, id, Part::Latest(2))).await.expect("it is there");
        assert_eq!(page[0].siblings, [second[0], edited[0]]);
        let other = open(&store, turn_behind(owner, id, Parent::Nothing)).await;
        assert_eq!(other.parent_id, None);
        let root = message(&store, owner, first[0]).await;
        assert_eq!(root.siblings, [first[0], other.request_message_id]);
        assert_eq!(part(&store, owner, id, Part::All).await, both(other));
    }

    async fn parts_of_a_line(store: TestStore) {
        let Forked { owner, id, first, edited, .. } = forked(&store).await;
        let straight = answered(&store, turn(owner, None), 1).await;
        let straight_id = straight.conversation_id;
        let more = answered(&store, turn(owner, Some(straight_id)), 1).await;
        for (id, line) in [
            (id, [&first[..], &edited].concat()),
            (straight_id, [both(straight), both(more)].concat()),
        ] {
            let part = async |wanted| part(&store, owner, id, wanted).await;
            assert_eq!(part(Part::Latest(3)).await, line[1..]);
            assert_eq!(part(Part::Latest(9)).await, line);
            assert_eq!(part(Part::Before(line[3], 2)).await, line[1..3]);
            assert_eq!(part(Part::Before(line[0], 2)).await, []);
            assert_eq!(part(Part::After(line[0], 2)).await, line[1..3]);
            assert_eq!(part(Part::After(line[3], 2)).await, []);
        }
    }

    async fn history_follows_the_line(store: TestStore) {
        let Forked { owner, id, first, second, again, .. } = forked(&store).await;
        let history = async |last| {
            let found = read(&store, move |tx| turns::history(tx, owner, id, last, i64::MAX)).await;
            ids(&found.expect("the conversation is there"))
        };
        assert_eq!(history(again).await, [first[0], first[1], second[0], again]);
        assert_eq!(history(first[1]).await, first);
    }

    async fn sizes_add_up_along_each_line(store: TestStore) {
        let Forked { owner, id, second, .. } = forked(&store).await;
        let parent = Parent::Message(second[1]);
        let third = open(&store, turn_behind(owner, id, parent)).await;
        // Asked while the third is being answered.
        let fourth = open(&store, turn(owner, Some(id))).await;
        assert!(close(&store, end(owner, third, vec![call(Scope::Final, 1)])).await);
        let exchange = QUESTION_TOKENS + ANSWER_TOKENS;
        let asked = message(&store, owner, fourth.request_message_id).await;
        assert_eq!(asked.tokens_before, 3 * exchange);
        // Lines beside it are as they were.
        let tree = read(&store, move |tx| messages::tree(tx, owner, id)).await.expect("it is there");
        assert_eq!(tree[5].tokens_before, exchange);
    }

    async fn what_is_not_there_is_not_followed(store: TestStore) {
        let Forked { owner, id, .. } = forked(&store).await;
        let other = account(&store, "b@example.com").await;
        let theirs = answered(&store, turn(other, None), 1).await;
        let elsewhere = answered(&store, turn(owner, None), 1).await;
        for message in [theirs.response_message_id, elsewhere.response_message_id, MessageId(999)] {
            let behind = turn_behind(owner, id, Parent::Message(message));
            assert_eq!(try_open(&store, behind).await, Opened::NoMessage);
            assert_eq!(choose(&store, owner, id, message).await, Chosen::NoMessage);
        }
        for answer in [theirs.response_message_id, elsewhere.request_message_id, MessageId(999)] {
            assert_eq!(try_open(&store, turn_again(owner, answer)).await, Opened::NoMessage);
        }
        assert_eq!(choose(&store, other, id, MessageId(1)).await, Chosen::NoConversation);
        assert_eq!(read(&store, move |tx| messages::tree(tx, other, id)).await, None);
        let head = read(&store, move |tx| branches::head(tx, other, id)).await;
        assert_eq!(head, None);
        expect_sound(&store).await;
    }

    async fn answers_given_again_at_once_are_all_there(store: TestStore) {
        let Forked { owner, second, again, .. } = forked(&store).await;
        let opened = at_once(&store, 8, async |store, _| open(&store, turn_again(owner, again)).await).await;
        let mut siblings = message(&store, owner, second[1]).await.siblings;
        siblings.retain(|id| *id != second[1] && *id != again);
        let mut expected: Vec<MessageId> = opened.iter().map(|ids| ids.response_message_id).collect();
        expected.sort_unstable();
        assert_eq!(siblings, expected);
    }
}
