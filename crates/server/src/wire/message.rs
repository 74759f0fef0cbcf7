//! A message as clients see it.

use chatai_engine::{Attachment, Message, Step, StepKind};
use chatai_types::{Money, Role, TokenCounts};
use serde::Serialize;
use utoipa::ToSchema;

/// A user's message or an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody<'a> {
    /// Its id.
    id: i64,
    /// Its conversation.
    conversation_id: i64,
    /// The message that an answer answers; null on a user's message.
    request_id: Option<i64>,
    /// `user` or `assistant`.
    role: &'static str,
    /// The text.
    text: &'a str,
    /// The compact form of a long text.
    summary: Option<&'a str>,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// Input tokens of all model calls of the turn, cached ones included; null on a user's message.
    input_tokens: Option<i64>,
    /// Output tokens of all model calls of the turn; null on a user's message.
    output_tokens: Option<i64>,
    /// Input tokens read from the provider's cache, a part of `input_tokens`; null on a user's message.
    cached_tokens: Option<i64>,
    /// The model asked or answering.
    model: Option<&'a str>,
    /// US dollars, 0 where the price is unknown; null on a user's message.
    price: Option<f64>,
    /// The files that came with it.
    attachments: Vec<AttachmentBody<'a>>,
    /// The message it follows.
    parent_id: Option<i64>,
    /// `complete`, `running`, `stopped`, `interrupted` or `failed`.
    status: &'static str,
    /// How the turn failed.
    error: Option<MessageError<'a>>,
    /// US dollars as an exact decimal; null on a user's message, and where a model was called whose price is unknown.
    price_exact: Option<String>,
    /// The messages that follow the same one, this one included.
    siblings: Vec<i64>,
    /// Milliseconds from the question to the first piece of the answer; null where nobody saw it, and on a user's message.
    first_token_ms: Option<i64>,
    /// Milliseconds from the question to the end of the answer; null where nobody saw it, and on a user's message.
    duration_ms: Option<i64>,
    /// What the answer did beside speaking, in order, where a list was asked for it; null elsewhere. The texts are among
    /// the answer's events.
    steps: Option<Vec<StepBody<'a>>>,
}

/// One thing that an answer did beside speaking.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
pub(crate) struct StepBody<'a> {
    /// `reasoning` or `tool`.
    kind: &'static str,
    /// Of a tool: the call's id, which its events carry.
    id: Option<&'a str>,
    /// Of a tool: its name.
    name: Option<&'a str>,
    /// Of a tool: `running`, `done` or `failed`.
    state: Option<&'static str>,
    /// Milliseconds; null where nobody saw them.
    duration_ms: Option<i64>,
}

impl<'a> From<&'a Step> for StepBody<'a> {
    fn from(step: &'a Step) -> Self {
        let duration_ms = step.took_ms;
        match &step.kind {
            StepKind::Reasoning => Self {
                kind: "reasoning",
                id: None,
                name: None,
                state: None,
                duration_ms,
            },
            StepKind::Tool { id, name, state } => Self {
                kind: "tool",
                id: Some(id),
                name: Some(name),
                state: Some(state.as_str()),
                duration_ms,
            },
        }
    }
}

/// A file that came with a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(crate) struct AttachmentBody<'a> {
    /// Its id, for `GET /attachments/{attachment_id}`.
    id: i64,
    /// Its message.
    message_id: i64,
    /// Its name.
    filename: &'a str,
    /// Its media type.
    content_type: Option<&'a str>,
}

/// How a turn failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageError<'a> {
    /// A stable name; `docs/errors.md` lists all.
    code: &'static str,
    /// A sentence.
    detail: &'a str,
}

impl<'a> From<&'a Message> for MessageBody<'a> {
    fn from(message: &'a Message) -> Self {
        // An answer that used nothing has sums of nothing: clients expect numbers on answers.
        let used = (message.role == Role::Assistant).then(|| message.tokens.unwrap_or_default());
        let price = used.map(|_| message.price.unwrap_or(Money::ZERO));
        Self {
            id: message.id.0,
            conversation_id: message.conversation_id.0,
            request_id: message.request_id.map(|id| id.0),
            role: message.role.as_str(),
            text: &message.text,
            summary: message.summary.as_deref(),
            created_at: message.created_at.to_wire(),
            input_tokens: used.map(|tokens| input_total(&tokens)),
            output_tokens: used.map(|tokens| tokens.output),
            cached_tokens: used.map(|tokens| tokens.cache_read),
            model: message.model.as_deref(),
            price: price.map(Money::to_f64),
            attachments: message.attachments.iter().map(AttachmentBody::from).collect(),
            parent_id: message.parent_id.map(|id| id.0),
            status: message.status.as_str(),
            error: message.error.as_ref().map(|(code, detail)| MessageError {
                code: code.as_str(),
                detail: detail.as_str(),
            }),
            price_exact: price
                .filter(|_| message.price.is_some() || message.tokens.is_none())
                .map(|price| price.to_string()),
            siblings: message.siblings.iter().map(|id| id.0).collect(),
            first_token_ms: message.times.first_ms,
            duration_ms: message.times.total_ms,
            steps: None,
        }
    }
}

impl<'a> MessageBody<'a> {
    /// With what an answer did beside speaking.
    pub(crate) fn with_steps(self, steps: &'a [Step]) -> Self {
        Self {
            steps: Some(steps.iter().map(StepBody::from).collect()),
            ..self
        }
    }
}

impl<'a> From<&'a Attachment> for AttachmentBody<'a> {
    fn from(attachment: &'a Attachment) -> Self {
        Self {
            id: attachment.id.0,
            message_id: attachment.message_id.0,
            filename: &attachment.filename,
            content_type: attachment.content_type.as_deref(),
        }
    }
}

/// `input_tokens` on the wire: all input, cached parts included.
pub(crate) fn input_total(tokens: &TokenCounts) -> i64 {
    // Counts whose sum overflows are refused where they are reported; imported ones are shown at the bound.
    tokens.input_total().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_engine::{Times, ToolState};
    use chatai_types::{AttachmentId, ConversationId, ErrorCode, MessageId, Timestamp, TurnStatus};
    use serde_json::{Value, json};

    fn message(role: Role) -> Message {
        Message {
            id: MessageId(2),
            conversation_id: ConversationId(1),
            request_id: None,
            parent_id: None,
            role,
            status: TurnStatus::Complete,
            text: "Hi".into(),
            summary: None,
            model: Some("m".into()),
            tokens: None,
            price: None,
            error: None,
            created_at: Timestamp::from_micros(0),
            times: Times::default(),
            attachments: Vec::new(),
            siblings: vec![MessageId(2)],
        }
    }

    fn wire(message: &Message) -> Value {
        serde_json::to_value(MessageBody::from(message)).unwrap()
    }

    #[test]
    fn members_stand_in_the_contracts_order() {
        let members = wire(&message(Role::User));
        let names: Vec<&String> = members.as_object().unwrap().keys().collect();
        let contract = "id, conversation_id, request_id, role, text, summary, created_at, input_tokens, \
                        output_tokens, cached_tokens, model, price, attachments";
        let contract: Vec<&str> = contract.split(", ").collect();
        assert_eq!(names[..contract.len()], contract);
        assert_eq!(
            names[contract.len()..],
            [
                "parent_id",
                "status",
                "error",
                "price_exact",
                "siblings",
                "first_token_ms",
                "duration_ms",
                "steps"
            ]
        );
    }

    #[test]
    fn a_users_message_has_no_counts() {
        let message = wire(&message(Role::User));
        for name in [
            "request_id",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "price",
            "price_exact",
        ] {
            assert_eq!(message[name], Value::Null, "{name}");
        }
        assert_eq!(message["attachments"], json!([]));
    }

    #[test]
    fn an_answers_price_is_always_a_number() {
        let mut answer = message(Role::Assistant);
        assert_eq!(wire(&answer)["price"], json!(0.0));
        assert_eq!(wire(&answer)["price_exact"], json!("0"), "nothing was called");
        assert_eq!(wire(&answer)["input_tokens"], 0);
        answer.tokens = Some(TokenCounts::default());
        assert_eq!(wire(&answer)["price"], json!(0.0));
        assert_eq!(
            wire(&answer)["price_exact"],
            json!(null),
            "what was called has no price"
        );
        answer.price = Some(Money::parse_usd("0.184918125").unwrap());
        answer.tokens = Some(TokenCounts::from_disjoint(5, 40, 7, 9, 1).unwrap());
        answer.request_id = Some(MessageId(1));
        answer.error = Some((ErrorCode::Interrupted, "ended".into()));
        answer.attachments = vec![Attachment {
            id: AttachmentId(4),
            message_id: MessageId(2),
            filename: "a.txt".into(),
            content_type: None,
        }];
        let answer = wire(&answer);
        assert_eq!(answer["price"], json!(0.184918125));
        assert_eq!(answer["price_exact"], "0.184918125");
        assert_eq!(
            (
                &answer["input_tokens"],
                &answer["cached_tokens"],
                &answer["output_tokens"]
            ),
            (&json!(52), &json!(40), &json!(9))
        );
        assert_eq!(answer["error"], json!({"code": "interrupted", "detail": "ended"}));
        assert_eq!(
            answer["attachments"],
            json!([{"id": 4, "message_id": 2, "filename": "a.txt", "content_type": null}])
        );
    }

    #[test]
    fn steps_are_told_where_they_were_asked_for() {
        let answer = message(Role::Assistant);
        assert_eq!(wire(&answer)["steps"], Value::Null);
        let tool = StepKind::Tool {
            id: "a".into(),
            name: "look".into(),
            state: ToolState::Done,
        };
        let steps =
            [(StepKind::Reasoning, None), (tool, Some(40))].map(|(kind, took_ms)| Step { kind, took_ms });
        assert_eq!(
            serde_json::to_value(MessageBody::from(&answer).with_steps(&steps)).unwrap()["steps"],
            json!([
                {"kind": "reasoning", "id": null, "name": null, "state": null, "duration_ms": null},
                {"kind": "tool", "id": "a", "name": "look", "state": "done", "duration_ms": 40},
            ])
        );
    }
}
