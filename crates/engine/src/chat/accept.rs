//! The acceptance of a message: everything that can be refused is refused before anything is written.

use super::{
    answer_text, fingerprint,
    log::TurnLog,
    plan::{Asked, Plan, answer_room, fits_window},
    prompt,
    reader::TurnReader,
    recent::{self, Recent, UpTo},
    replay,
    size::{MESSAGE_OVERHEAD, estimate_tokens},
    turn::TurnTask,
    uploads,
};
use crate::{
    EngineError,
    error::TurnIds,
    inner::Inner,
    leases::{LEASE_SECS, REPEATABLE_SECS},
    money::Allowance,
    revocation::Admitted,
    toolbox::Offered,
    views::{self, Caller, Origin, Outcome, Regenerate, SendMessage},
};
use chatai_store::{
    StoreError, Synced, Tx,
    ops::{
        messages,
        turns::{self, OpenTurn, Opened, OpenedTurn, Question, Repeatable},
    },
};
use chatai_types::{ConversationId, ErrorCode, Money, Role, UserId};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// A turn that was accepted and written, and is being answered or has been.
#[derive(Debug)]
pub struct Turn {
    /// Where it stands in the conversation.
    pub ids: TurnIds,
    /// The model that answers.
    pub model: String,
    /// Whether an earlier request of the same key made it.
    pub is_repeated: bool,
    log: Arc<TurnLog>,
    /// Nothing is told of the turn before this.
    synced: Option<Synced>,
}

impl Turn {
    /// Waits for the end. Dropping this does not stop the turn.
    pub async fn finished(self) -> Outcome {
        // The end is synced behind the beginning.
        self.log.finished().await
    }

    /// A reader from the beginning, as soon as the turn would survive a power cut.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reader(self) -> Result<TurnReader, EngineError> {
        let reader = TurnReader::new(&self.log);
        if let Some(synced) = self.synced {
            synced.wait().await?;
        }
        Ok(reader)
    }
}

/// A message that has been read and checked, on its way into the database.
struct Accepted {
    /// The conversation that it goes on with.
    conversation: Option<ConversationId>,
    question: Question,
    asked: Asked,
    model: super::Served,
    recent: Recent,
    repeatable: Option<Repeatable>,
    permit: OwnedSemaphorePermit,
}

pub(super) async fn send(
    inner: &Arc<Inner>,
    caller: &Caller,
    origin: &Origin,
    message: SendMessage,
) -> Result<Turn, EngineError> {
    let owner = caller.user_id;
    let repeatable = repeatable(inner, message.idempotency_key.as_deref(), || {
        fingerprint::of_message(&message)
    });
    if let Some(turn) = earlier(inner, owner, repeatable.as_ref()).await? {
        return Ok(turn);
    }
    let model = inner.models.resolve_for(caller, message.model.as_deref())?;
    check_window(&model, &message.text)?;
    let permit = inner.turns.admit(caller.user_id, origin, inner.clock.now())?;
    let offered = outside(inner, caller, &model, &message.text).await?;
    let recent = match (message.conversation_id, message.parent) {
        // Where they end is looked at when the turn is opened: one way to the database less.
        (Some(id), views::Parent::Head) => recent::kept(inner, owner, id),
        _ => None,
    };
    let (recent, parent) = match recent.and_then(|recent| Some((recent.head?, recent))) {
        Some((head, recent)) => (recent, turns::Parent::HeadAt(head)),
        None => {
            let recent = before(inner, owner, message.conversation_id, message.parent).await?;
            let parent = match message.parent {
                views::Parent::Head => turns::Parent::Head,
                views::Parent::Nothing => turns::Parent::Nothing,
                views::Parent::Message(message) => turns::Parent::Message(message),
            };
            (recent, parent)
        }
    };
    let stored = uploads::prepare(inner, message.files).await?;
    let documents = uploads::documents(&stored);
    let documents_tokens = uploads::documents_tokens(&documents);
    let size_tokens = MESSAGE_OVERHEAD + estimate_tokens(&message.text) + documents_tokens;
    let title = prompt::provisional_title(&message.text);
    let accepted = Accepted {
        conversation: message.conversation_id,
        question: Question::New {
            conversation: message.conversation_id,
            parent,
            provisional_title: title.clone(),
            text: message.text.clone(),
            size_tokens,
            attachments: stored,
        },
        asked: Asked {
            text: message.text,
            begun: None,
            documents,
            documents_tokens,
            size_tokens,
            provisional_title: message.conversation_id.is_none().then_some(title),
            summary: None,
            is_new: true,
            offered,
        },
        model,
        recent,
        repeatable,
        permit,
    };
    open(inner, caller.into(), accepted).await
}

/// What a new message follows.
pub(super) async fn before(
    inner: &Inner,
    owner: UserId,
    conversation: Option<ConversationId>,
    parent: views::Parent,
) -> Result<Recent, EngineError> {
    let up_to = match parent {
        views::Parent::Head => UpTo::Head,
        views::Parent::Nothing => UpTo::Nothing,
        views::Parent::Message(message) => UpTo::Message(message),
    };
    match conversation {
        None => Ok(Recent::default()),
        Some(id) => recent::load(inner, owner, id, up_to).await,
    }
}

pub(super) async fn regenerate(
    inner: &Arc<Inner>,
    caller: &Caller,
    origin: &Origin,
    again: Regenerate,
) -> Result<Turn, EngineError> {
    let owner = caller.user_id;
    let repeatable = repeatable(inner, again.idempotency_key.as_deref(), || {
        fingerprint::of_regeneration(&again)
    });
    if let Some(turn) = earlier(inner, owner, repeatable.as_ref()).await? {
        return Ok(turn);
    }
    let answer_id = again.answer;
    let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
        let found = messages::get(tx, owner, answer_id)?.filter(|message| message.role == Role::Assistant);
        let Some(answer) = found else { return Ok(None) };
        let Some(question) = answer.request_id else {
            return Ok(None);
        };
        let Some(question) = messages::get(tx, owner, question)? else {
            return Ok(None);
        };
        let documents = recent::documents(tx, owner, &question)?;
        Ok(Some((answer, question, documents)))
    };
    let found = inner.store.read(read).await?;
    let (answer, question, documents) = found.ok_or_else(EngineError::message_not_found)?;
    let model = match (&again.model, &answer.model) {
        (Some(name), _) => inner.models.resolve_for(caller, Some(name))?,
        (None, Some(name)) => inner
            .models
            .resolve_for(caller, Some(name))
            .or_else(|_| inner.models.resolve_for(caller, None))?,
        (None, None) => inner.models.resolve_for(caller, None)?,
    };
    // The built-in responder says the same each time: it has no place to go on from.
    let begun = (again.goes_on && !model.is_built_in())
        .then(|| answer_text::to_go_on_from(&answer.text))
        .flatten();
    check_window(&model, &question.text)?;
    let permit = inner.turns.admit(caller.user_id, origin, inner.clock.now())?;
    let offered = outside(inner, caller, &model, &question.text).await?;
    let up_to = question.parent_id.map_or(UpTo::Nothing, UpTo::Message);
    let recent = recent::load(inner, owner, question.conversation_id, up_to).await?;
    let accepted = Accepted {
        conversation: Some(question.conversation_id),
        question: Question::Again(answer_id),
        asked: Asked {
            text: question.text,
            begun: begun.map(str::to_owned),
            documents_tokens: uploads::documents_tokens(&documents),
            documents,
            size_tokens: question.size_tokens,
            provisional_title: None,
            summary: question.summary,
            is_new: false,
            offered,
        },
        model,
        recent,
        repeatable,
        permit,
    };
    open(inner, caller.into(), accepted).await
}

/// Why a turn was not opened; whatever was written before that is rolled back.
enum Unopened {
    /// Its conversation has gone on since it was read.
    Moved,
    Refused(EngineError),
}

impl From<StoreError> for Unopened {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<EngineError> for Unopened {
    fn from(error: EngineError) -> Self {
        Self::Refused(error)
    }
}

/// Writes the turn and starts its task.
async fn open(inner: &Arc<Inner>, admitted: Admitted, accepted: Accepted) -> Result<Turn, EngineError> {
    let payer = admitted.payer;
    let owner = payer.owner;
    let mut plan = Plan::new(inner, payer, accepted.model, accepted.asked, accepted.recent);
    let now = plan.opened_at;
    let mut row = Arc::new(OpenTurn {
        payer,
        question: accepted.question,
        model: plan.answering.model.name.clone(),
        price_version: plan.answering.model.price_version,
        request_tokens: 0,
        calls: Vec::new(),
        worst_case: Money::ZERO,
        repeatable: accepted.repeatable,
        now,
        lease_until: now.plus_secs(LEASE_SECS),
    });
    let mut allowance = weigh(inner, &plan, Arc::make_mut(&mut row));
    let mut opened = write_opening(inner, &plan, Arc::clone(&row)).await;
    if let (Err(Unopened::Moved), Some(id)) = (&opened, accepted.conversation) {
        plan.recent = recent::load(inner, owner, id, UpTo::Head).await?;
        let again = Arc::make_mut(&mut row);
        if let Question::New { parent, .. } = &mut again.question {
            *parent = turns::Parent::Head;
        }
        allowance = weigh(inner, &plan, again);
        opened = write_opening(inner, &plan, row).await;
    }
    let (opened, synced) = opened.map_err(|unopened| match unopened {
        Unopened::Refused(error) => error,
        Unopened::Moved => EngineError::internal("a conversation has moved that nothing is known of"),
    })?;
    let ids = match opened {
        Ok(ids) => ids,
        Err(ids) => {
            let mut turn = repeated(inner, owner, ids.into()).await?;
            turn.synced = Some(synced);
            return Ok(turn);
        }
    };
    plan.tokens_before = ids.tokens_before;
    plan.allowance = ids.is_reserved.then_some(allowance);
    follow_up(inner, owner, ids, &mut plan).await;
    let log = Arc::new(TurnLog::new(payer, ids.into(), plan.answering.model.name.clone()));
    let turn = Turn {
        ids: log.ids,
        model: log.model.clone(),
        is_repeated: false,
        log: Arc::clone(&log),
        synced: Some(synced),
    };
    inner.turns.start(TurnTask {
        inner: Arc::clone(inner),
        plan,
        ids,
        log,
        permit: accepted.permit,
    });
    inner.check_again(admitted, &turn.log.stop).await;
    Ok(turn)
}

/// What a turn needs of the models and of the budget, as it is planned; returns the answer's part of its worst case.
fn weigh(inner: &Inner, plan: &Plan, row: &mut OpenTurn) -> Allowance {
    let (worst_case, allowance) = plan.worst_case(inner);
    row.request_tokens = plan.request_tokens();
    row.calls = plan.first_calls();
    // What nobody knows the price of is beyond every budget; where there is none it is not looked at.
    row.worst_case = match plan.unpriced(inner) {
        Some(_) => Money::from_pico(i64::MAX),
        None => worst_case,
    };
    allowance
}

/// Written is enough to ask the model; what leaves for the client waits for the sync. The ids are those of another turn,
/// inside an `Err`, where the request is a repeated one.
async fn write_opening(
    inner: &Inner,
    plan: &Plan,
    row: Arc<OpenTurn>,
) -> Result<(Result<OpenedTurn, turns::TurnIds>, Synced), Unopened> {
    let unpriced = plan.unpriced(inner);
    let over = move |refuse: fn() -> EngineError| unpriced.as_deref().map_or_else(refuse, unknown_price);
    // An error rolls back whatever was written before the refusal.
    let opening = move |tx: &mut Tx<'_>| match turns::open(tx, &row)? {
        Opened::Turn(ids) => Ok(Ok(ids)),
        Opened::Repeated(ids) => Ok(Err(ids)),
        Opened::OtherRequest => Err(mismatch().into()),
        Opened::NoOwner => Err(EngineError::invalid_token().into()),
        Opened::NoConversation => Err(EngineError::conversation_not_found().into()),
        Opened::NoMessage => Err(EngineError::message_not_found().into()),
        Opened::Moved => Err(Unopened::Moved),
        Opened::OverBudget => Err(over(EngineError::budget_exceeded).into()),
        Opened::OverKeyBudget => Err(over(EngineError::key_budget_exceeded).into()),
    };
    inner.store.write_staged(opening).await
}

/// Another message may have come in between: then what was read is not what this one follows.
async fn follow_up(inner: &Inner, owner: UserId, ids: OpenedTurn, plan: &mut Plan) {
    let Some(parent) = ids.parent_id else {
        plan.recent = Recent::default();
        return;
    };
    if plan.recent.head == Some(parent) {
        return;
    }
    plan.recent = match recent::load(inner, owner, ids.conversation_id, UpTo::Message(parent)).await {
        Ok(recent) => recent,
        Err(error) => {
            // The question is written and has to be answered, if need be without what came before.
            tracing::warn!(%error, "a turn goes without its conversation");
            Recent::default()
        }
    };
}

/// The tools from outside that a turn offers.
pub(super) async fn outside(
    inner: &Inner,
    caller: &Caller,
    model: &super::Served,
    text: &str,
) -> Result<Offered, EngineError> {
    let tokens = estimate_tokens(text);
    inner.toolbox.offered(inner, caller, &model.model, tokens).await
}

pub(crate) fn unknown_price(model: &str) -> EngineError {
    EngineError::new(
        ErrorCode::ModelUnavailable,
        format!(
            "`{model}` has no price, so what it costs cannot be held to your budget; an administrator sets one with \
             PUT /admin/models/{{name}}, or choose another model"
        ),
    )
}

pub(super) fn check_window(model: &super::Served, text: &str) -> Result<(), EngineError> {
    let window = model.model.context_window;
    if fits_window(text, window - answer_room(window)) {
        return Ok(());
    }
    Err(EngineError::new(
        ErrorCode::ContextTooLong,
        format!(
            "The message does not fit the window of `{}`; shorten it",
            model.model.name
        ),
    ))
}

fn repeatable(inner: &Inner, key: Option<&str>, fingerprint: impl FnOnce() -> String) -> Option<Repeatable> {
    Some(Repeatable {
        key: key?.to_owned(),
        fingerprint: fingerprint(),
        not_before: inner.clock.now().plus_secs(-REPEATABLE_SECS),
    })
}

/// The turn that an earlier request of the same key made.
async fn earlier(
    inner: &Arc<Inner>,
    owner: UserId,
    request: Option<&Repeatable>,
) -> Result<Option<Turn>, EngineError> {
    let Some(request) = request.cloned() else {
        return Ok(None);
    };
    let found = inner
        .store
        .read(move |tx| turns::repeated(tx, owner, &request))
        .await?;
    match found {
        None => Ok(None),
        Some(None) => Err(mismatch()),
        Some(Some(ids)) => Ok(Some(repeated(inner, owner, ids.into()).await?)),
    }
}

async fn repeated(inner: &Arc<Inner>, owner: UserId, ids: TurnIds) -> Result<Turn, EngineError> {
    let synced = inner.store.written_so_far();
    let log = replay::log_of(inner, owner, ids.response_message_id).await?;
    Ok(Turn {
        ids,
        model: log.model.clone(),
        is_repeated: true,
        log,
        synced: Some(synced),
    })
}

pub(crate) fn mismatch() -> EngineError {
    EngineError::new(
        ErrorCode::IdempotencyMismatch,
        "This `Idempotency-Key` was used for another request",
    )
}
