//! The acceptance of a call: everything that can be refused is refused before anything is written.

use super::{
    CallAbout, CallKey, CallReader, DirectCall, KeepCall, StartedCall,
    call::{CallTask, Out, Work},
    kept,
    log::CallLog,
    running::Live,
};
use crate::{
    EngineError,
    chat::{
        Served,
        accept::{mismatch, unknown_price},
        fingerprint::put,
        request_tokens,
    },
    inner::Inner,
    leases::{LEASE_SECS, REPEATABLE_SECS},
    money::direct_worst_case,
    revocation::Admitted,
    views::{Caller, Origin},
};
use chatai_store::{
    Synced, Tx,
    ops::{
        budgets::Payer,
        direct::{self, NewKept, OpenCall, OpenedCall},
        turns::Repeatable,
    },
};
use chatai_types::{CallId, CallKind, Money, Timestamp, UserId};
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a stored response is kept, in seconds.
const RESPONSE_SECS: i64 = 30 * 24 * 60 * 60;
/// Pieces that wait for a reader before the model's stream is read on.
const PIECES_AHEAD: usize = 64;
/// Bytes of randomness in the name that a call is read by.
const NAME_BYTES: usize = 16;

/// A call that has been checked, on its way into the database.
pub(super) struct Accepted {
    pub(super) kind: CallKind,
    pub(super) model: Served,
    pub(super) work: Work,
    pub(super) request_tokens: i64,
    pub(super) worst_case: Money,
    pub(super) keep: Option<KeepCall>,
    pub(super) repeatable: Option<Repeatable>,
    pub(super) permit: OwnedSemaphorePermit,
}

pub(super) async fn call(
    inner: &Arc<Inner>,
    caller: &Caller,
    origin: &Origin,
    call: DirectCall,
) -> Result<StartedCall, EngineError> {
    let repeatable = repeatable(inner, call.kind, call.key.as_ref());
    if let Some(started) = earlier(inner, caller, repeatable.as_ref()).await? {
        return Ok(started);
    }
    let model = inner.models.resolve_for(caller, call.model.as_deref())?;
    let permit = inner.turns.admit(caller.user_id, origin, inner.clock.now())?;
    let request = call.request;
    let request_tokens = request_tokens(&request);
    let (worst_case, output_tokens) = direct_worst_case(&model, request_tokens, request.max_output_tokens);
    let accepted = Accepted {
        kind: call.kind,
        work: Work::Answer {
            request: Box::new(request),
            output_tokens,
        },
        model,
        request_tokens,
        worst_case,
        // What may be repeated is read again.
        keep: call.keep.or_else(|| call.key.map(|_| KeepCall::default())),
        repeatable,
        permit,
    };
    open(inner, caller, accepted).await
}

/// What makes a request the same as another of its key.
pub(super) fn repeatable(inner: &Inner, kind: CallKind, key: Option<&CallKey>) -> Option<Repeatable> {
    let key = key?;
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, Some(b"call"));
    put(&mut hasher, Some(kind.as_str().as_bytes()));
    put(&mut hasher, Some(&key.fingerprint));
    Some(Repeatable {
        key: key.key.clone(),
        fingerprint: hasher.finalize().to_hex().to_string(),
        not_before: inner.clock.now().plus_secs(-REPEATABLE_SECS),
    })
}

/// The call that an earlier request of the same key made.
pub(super) async fn earlier(
    inner: &Arc<Inner>,
    caller: &Caller,
    request: Option<&Repeatable>,
) -> Result<Option<StartedCall>, EngineError> {
    let Some(request) = request.cloned() else {
        return Ok(None);
    };
    let owner = caller.user_id;
    let found = inner
        .store
        .read(move |tx| direct::earlier(tx, owner, &request))
        .await?;
    match found {
        None => Ok(None),
        Some(None) => Err(mismatch()),
        Some(Some(id)) => Ok(Some(repeated(inner, caller.user_id, id).await?)),
    }
}

async fn repeated(inner: &Arc<Inner>, owner: UserId, id: CallId) -> Result<StartedCall, EngineError> {
    let log = kept::log_of(inner, owner, kept::Which::Call(id)).await?;
    Ok(StartedCall {
        about: Arc::clone(&log.about),
        reader: CallReader::kept(&log),
        replayed: true,
    })
}

/// Writes the call and makes it, in a task of its own: whoever stops waiting in between leaves nothing half done.
pub(super) async fn open(
    inner: &Arc<Inner>,
    caller: &Caller,
    accepted: Accepted,
) -> Result<StartedCall, EngineError> {
    let (tell, told) = oneshot::channel();
    let (inner_of_task, admitted) = (Arc::clone(inner), Admitted::from(caller));
    inner.turns.spawn(async move {
        match begin(inner_of_task, admitted, accepted).await {
            Ok((started, task)) => {
                // Whoever is gone has dropped the reader, which ends a call that has no other.
                let _gone = tell.send(Ok(started));
                if let Some(task) = task {
                    task.run().await;
                }
            }
            Err(error) => {
                let _gone = tell.send(Err(error));
            }
        }
    });
    told.await
        .unwrap_or_else(|_| Err(EngineError::internal("a call's task is gone")))
}

/// Writes the call; its task, unless an earlier request of the same key has made it.
async fn begin(
    inner: Arc<Inner>,
    admitted: Admitted,
    accepted: Accepted,
) -> Result<(StartedCall, Option<CallTask>), EngineError> {
    let (payer, now) = (admitted.payer, inner.clock.now());
    let about = Arc::new(about(&inner, &accepted, now));
    let (row, synced) = match written(&inner, payer, &accepted, &about, now).await? {
        (Ok(row), synced) => (row, synced),
        (Err(id), _) => return Ok((repeated(&inner, payer.owner, id).await?, None)),
    };
    let stop = CancellationToken::new();
    let (out, log, reader, synced) = if accepted.keep.is_some() {
        let log = Arc::new(CallLog::new(
            row.id,
            payer.owner,
            Arc::clone(&about),
            stop.clone(),
        ));
        let reader = CallReader::kept(&log);
        (Out::Kept(Arc::clone(&log)), Some(log), reader, Some(synced))
    } else {
        let (pieces, taken) = mpsc::channel(PIECES_AHEAD);
        let (end, ended) = oneshot::channel();
        let reader = CallReader::own(taken, ended, Arc::clone(&about), synced);
        (Out::Own { pieces, end }, None, reader, None)
    };
    let live = Live {
        payer,
        stop: stop.clone(),
        log,
    };
    inner.calls.add(row.id, live);
    inner.check_again(admitted, &stop).await;
    let task = CallTask {
        id: row.id,
        about: Arc::clone(&about),
        payer,
        kind: accepted.kind,
        asked: accepted.model,
        work: accepted.work,
        request_tokens: accepted.request_tokens,
        is_reserved: row.is_reserved,
        synced,
        out,
        stop,
        permit: accepted.permit,
        inner,
    };
    let started = StartedCall {
        about,
        reader,
        replayed: false,
    };
    Ok((started, Some(task)))
}

fn about(inner: &Inner, accepted: &Accepted, now: Timestamp) -> CallAbout {
    let keep = accepted.keep.as_ref();
    CallAbout {
        public_id: inner.random.hex(NAME_BYTES),
        kind: accepted.kind,
        model: accepted.model.model.name.clone(),
        previous_id: keep.and_then(|keep| keep.previous_id.clone()),
        face: keep.map(|keep| keep.face.clone()).unwrap_or_default(),
        input: keep.map(|keep| keep.input.clone()).unwrap_or_default(),
        created_at: now,
        answered_by: OnceLock::new(),
    }
}

/// A call's row.
struct Row {
    id: CallId,
    is_reserved: bool,
}

/// Writes the call's row, or finds the call that a request of the same key made at the same time.
async fn written(
    inner: &Inner,
    payer: Payer,
    accepted: &Accepted,
    about: &Arc<CallAbout>,
    now: Timestamp,
) -> Result<(Result<Row, CallId>, Synced), EngineError> {
    let model = &accepted.model.model;
    let unpriced = model.rates.is_none().then(|| model.name.clone());
    let kept = accepted.keep.as_ref().map(|keep| NewKept {
        public_id: about.public_id.clone(),
        previous_id: about.previous_id.clone(),
        face: about.face.clone(),
        input: about.input.clone(),
        keep_until: now.plus_secs(if keep.is_stored {
            RESPONSE_SECS
        } else {
            REPEATABLE_SECS
        }),
    });
    let row = OpenCall {
        payer,
        kind: accepted.kind,
        model: model.name.clone(),
        price_version: model.price_version,
        request_tokens: accepted.request_tokens,
        // Beyond every budget; where there is none it is not looked at.
        worst_case: match unpriced {
            Some(_) => Money::from_pico(i64::MAX),
            None => accepted.worst_case,
        },
        kept,
        repeatable: accepted.repeatable.clone(),
        now,
        lease_until: now.plus_secs(LEASE_SECS),
    };
    // An error rolls back whatever was written before the refusal.
    let opening = move |tx: &mut Tx<'_>| match direct::open(tx, &row)? {
        OpenedCall::Call { id, is_reserved } => Ok(Ok(Row { id, is_reserved })),
        OpenedCall::Repeated(id) => Ok(Err(id)),
        OpenedCall::OtherRequest => Err(mismatch()),
        OpenedCall::NoOwner => Err(EngineError::invalid_token()),
        OpenedCall::OverBudget => Err(unpriced
            .as_deref()
            .map_or_else(EngineError::budget_exceeded, unknown_price)),
        OpenedCall::OverKeyBudget => Err(unpriced
            .as_deref()
            .map_or_else(EngineError::key_budget_exceeded, unknown_price)),
    };
    inner.store.write_staged(opening).await
}
