//! What an abandoned turn is charged, by what is known of its calls.

use super::*;
use chatai_store::ops::turns::{AbandonedCall, StoredEvent};
use chatai_types::{MessageId, PriceVersionId, Rate, Rates, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
/// Four ASCII characters a token.
const TEXT: &str = "0123456789abcdef0123456789abcdef";
const TEXT_TOKENS: i64 = 8;
const REQUEST: i64 = 100;

fn rates() -> Rates {
    let pico = Rate::from_pico_per_token;
    Rates {
        input: pico(2),
        cache_read: pico(1),
        cache_write: pico(3),
        output: pico(5),
    }
}

fn abandoned(text: &str, calls: &[AbandonedCall]) -> Abandoned {
    Abandoned {
        answer: MessageId(1),
        model: "a model".to_owned(),
        text: text.to_owned(),
        beside: Vec::new(),
        request_tokens: REQUEST,
        price: Some((PriceVersionId(7), rates())),
        calls: calls.to_vec(),
        now: NOW,
    }
}

/// A call that had ended, as it was reported.
fn ended(scope: Scope, fresh_input: i64, output: i64) -> AbandonedCall {
    let mut call = begun(scope, fresh_input, output);
    call.ended = true;
    call.call.source = UsageSource::Provider;
    call.call.price = Some(Money::from_pico(fresh_input * 2 + output * 5));
    call
}

/// A call that had not, with the tokens of its request and of the answer's text before it.
fn begun(scope: Scope, fresh_input: i64, before: i64) -> AbandonedCall {
    AbandonedCall {
        call: ModelCall {
            scope,
            model: "a model".to_owned(),
            tokens: TokenCounts {
                fresh_input,
                output: before,
                ..TokenCounts::default()
            },
            source: UsageSource::None,
            price: None,
            price_version: Some(PriceVersionId(7)),
            fallback_from: None,
            at: NOW,
        },
        rates: Some(rates()),
        ended: false,
    }
}

/// Scope, input, output, source and pico-dollars of each call.
type Row = (Scope, i64, i64, UsageSource, i64);

fn rows(settled: &Settled) -> Vec<Row> {
    let calls = settled.calls.iter();
    calls
        .map(|call| {
            let price = call.price.map_or(-1, Money::as_pico);
            (
                call.scope,
                call.tokens.fresh_input,
                call.tokens.output,
                call.source,
                price,
            )
        })
        .collect()
}

#[test]
fn what_is_known_of_an_abandoned_turn_is_charged_and_no_more() {
    use Scope::{Final, Intent, Summary, Title, Tool};
    use UsageSource::{Estimated, None, Provider};
    let unknown = |scope| (scope, 0, 0, None, 0);
    let table: &[(&str, &str, Vec<AbandonedCall>, Vec<Row>)] = &[
        ("nothing came", "", vec![], vec![unknown(Final)]),
        (
            "text came",
            TEXT,
            vec![],
            vec![(Final, REQUEST, TEXT_TOKENS, Estimated, 240)],
        ),
        (
            "a title that had ended, and one that had not",
            TEXT,
            vec![
                ended(Title, 10, 2),
                begun(Title, 10, 0),
                begun(Intent, 10, 0),
                begun(Summary, 10, 0),
            ],
            vec![
                (Title, 10, 2, Provider, 30),
                unknown(Title),
                unknown(Intent),
                unknown(Summary),
                (Final, REQUEST, TEXT_TOKENS, Estimated, 240),
            ],
        ),
        (
            "a round of tools had ended; the next had given text",
            TEXT,
            vec![ended(Tool, 90, 3), begun(Final, 120, 6)],
            vec![(Tool, 90, 3, Provider, 195), (Final, 120, 2, Estimated, 250)],
        ),
        (
            "a round of tools had ended; the next had given nothing",
            TEXT,
            vec![ended(Tool, 90, 3), begun(Final, 120, TEXT_TOKENS)],
            vec![(Tool, 90, 3, Provider, 195), unknown(Final)],
        ),
        (
            "the answer's call had ended; its summary had not",
            TEXT,
            vec![ended(Final, 90, TEXT_TOKENS), begun(Summary, TEXT_TOKENS, 0)],
            vec![(Final, 90, TEXT_TOKENS, Provider, 220), unknown(Summary)],
        ),
        (
            "an embedding had not",
            TEXT,
            vec![ended(Tool, 90, 3), begun(Tool, 4, 0)],
            vec![(Tool, 90, 3, Provider, 195), unknown(Tool)],
        ),
    ];
    for (what, text, calls, expected) in table {
        let settled = settle(&abandoned(text, calls));
        assert_eq!(&rows(&settled), expected, "{what}");
        let price: i64 = expected.iter().map(|row| row.4).sum();
        assert_eq!(settled.price, Some(Money::from_pico(price)), "{what}");
        let output: i64 = expected.iter().map(|row| row.2).sum();
        assert_eq!(settled.tokens.map(|tokens| tokens.output), Some(output), "{what}");
        let size = estimate_tokens(text) + MESSAGE_OVERHEAD;
        assert_eq!(settled.size_tokens, size, "{what}");
    }
}

fn event(kind: EventKind, data: &str) -> StoredEvent {
    StoredEvent {
        number: 0,
        kind,
        text_offset: 0,
        data: data.to_owned(),
    }
}

/// Reasoning and calls of tools are output as the text is.
#[test]
fn what_is_shown_beside_the_text_is_charged_too() {
    use UsageSource::{Estimated, None, Provider};
    let tool = |state| {
        let event = ToolEvent {
            id: "t".to_owned(),
            name: "look".to_owned(),
            arguments: TEXT.to_owned(),
            state,
            result: Option::None,
        };
        super::tests::event(EventKind::Tool, &event.to_json())
    };
    let reasoning = || event(EventKind::Reasoning, TEXT);
    let (running, done) = (|| tool(ToolState::Running), || tool(ToolState::Done));
    let one = |output| vec![(Scope::Final, REQUEST, output, Estimated, 200 + 5 * output)];
    type Case = (
        &'static str,
        &'static str,
        Vec<StoredEvent>,
        Vec<AbandonedCall>,
        Vec<Row>,
    );
    let table: &[Case] = &[
        ("reasoning alone", "", vec![reasoning()], vec![], one(TEXT_TOKENS)),
        ("and text", TEXT, vec![reasoning()], vec![], one(2 * TEXT_TOKENS)),
        (
            "a tool was asked for",
            "",
            vec![running(), done()],
            vec![],
            one(TEXT_TOKENS),
        ),
        (
            "a title is another call's",
            "",
            vec![event(EventKind::Title, TEXT)],
            vec![],
            vec![(Scope::Final, 0, 0, None, 0)],
        ),
        (
            "what came before a call is not its own",
            "",
            vec![reasoning(), running(), done(), reasoning()],
            vec![
                ended(Scope::Tool, 90, 3),
                begun(Scope::Final, 120, 2 * TEXT_TOKENS),
            ],
            vec![
                (Scope::Tool, 90, 3, Provider, 195),
                (Scope::Final, 120, TEXT_TOKENS, Estimated, 280),
            ],
        ),
    ];
    for (what, text, beside, calls, expected) in table {
        let mut turn = abandoned(text, calls);
        turn.beside.clone_from(beside);
        let settled = settle(&turn);
        assert_eq!(&rows(&settled), expected, "{what}");
        assert_eq!(
            settled.size_tokens,
            estimate_tokens(text) + MESSAGE_OVERHEAD,
            "{what}"
        );
    }
}

#[test]
fn the_built_in_responder_is_free_whatever_it_said() {
    let mut turn = abandoned(TEXT, &[]);
    turn.model = BUILT_IN.to_owned();
    let settled = settle(&turn);
    assert_eq!(rows(&settled), [(Scope::Final, 0, 0, UsageSource::None, 0)]);
}

#[test]
fn a_model_without_a_price_is_recorded_without_one() {
    let mut turn = abandoned(TEXT, &[]);
    turn.price = None;
    let settled = settle(&turn);
    assert_eq!(
        rows(&settled),
        [(Scope::Final, REQUEST, TEXT_TOKENS, UsageSource::Estimated, -1)]
    );
}
