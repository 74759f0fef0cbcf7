//! W19: usage reports over the ledger of a million messages and more, each compared with a full recount.
//!
//! The recount reads every line of the ledger and adds them up here, so that it shares nothing with the report. What
//! the service itself writes is among them: turns are taken through it before anything is compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chatai_types::{Day, Money, Timestamp};
use rusqlite::{OpenFlags, params};
use serde_json::Value;
use tempfile::TempDir;

use super::floor::Floor;
use super::http::{self, Connection};
use super::load::{Quantiles, histogram, record};
use super::provider::Provider;
use super::report::{Report, Round, Target};
use super::service::{self, Service};
use super::stock::Stock;
use super::{Benchmark, Options};
use crate::Outcome;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "W19",
    about: "usage reports over the ledger of a million messages, equal to a full recount",
    run,
};

const ROUNDS: usize = 5;
const REPEATS: usize = 200;

/// Messages of the usual and of the large database; half of them are the first account's.
const MESSAGES: usize = 1_000_000;
const MESSAGES_LARGE: usize = 10_000_000;
const TURNS_IN_A_CONVERSATION: usize = 25;
const ACCOUNTS: usize = 10;

/// Days over which they are spread.
const DAYS: i64 = 365;

/// Turns taken through the service.
const TURNS: usize = 50;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A report, and which lines of the ledger it covers.
struct Asked {
    name: &'static str,
    path: String,
    /// Of the first account alone, which is the administrator as well.
    own: bool,
    from: i64,
    to: i64,
    /// What a line's group is called, in the words of the reply.
    key: fn(&Line) -> String,
}

/// A line of the ledger.
struct Line {
    user: i64,
    at: i64,
    model: String,
    scope: String,
    sum: Sum,
}

/// What a report says of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    calls: i64,
    input: i64,
    cached: i64,
    output: i64,
    amount: i64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
        self.amount += other.amount;
    }
}

fn run(options: &Options) -> Result<Report, String> {
    let messages = if options.large {
        MESSAGES_LARGE
    } else {
        options.scaled(MESSAGES)
    };
    eprintln!("writing a database of {messages} messages");
    let (folder, token) = stocked(messages)?;
    let provider = Provider::start()?;
    let service = Service::start(folder.path(), Some(&provider))?;
    let mut connection = service.connect()?;
    let conversation = service::conversation(&mut connection, &token, "Novels by the sea")?;
    for _ in 0..TURNS {
        connection.succeed(&service::turn(&token, conversation))?;
    }
    let asked = reports()?;
    eprintln!("counting the ledger anew");
    let recounts = recounts(folder.path(), &asked)?;
    let mut prepared = Vec::new();
    for (asked, recount) in asked.iter().zip(&recounts) {
        let request = http::get(&asked.path, &token);
        compare(asked, &connection.json(&request)?, recount)?;
        let floor = Floor::start(connection.body().len())?;
        prepared.push((asked.name, request, Connection::open(floor.address)?, floor));
    }

    let mut report = Report::new("W19");
    let repeats = options.scaled(REPEATS);
    report.rounds(options.rounds(ROUNDS), |round| {
        for (name, request, bare, _) in &mut prepared {
            measure(&mut connection, bare, name, request, repeats, round)?;
        }
        Ok(())
    })?;
    let groups: Vec<String> = asked
        .iter()
        .zip(&recounts)
        .map(|(asked, groups)| format!("{} for `{}`", groups.len(), asked.name))
        .collect();
    report.note(format!(
        "{} lines of the ledger, half of them the asker's and the rest those of {} more accounts, over {DAYS} days, four \
         models and three scopes; one client, {repeats} reports of each kind in a round, by turns with the bare \
         exchange. Every report was compared with a recount of all lines before, group by group: no difference. \
         Groups: {}.",
        messages / 2 + TURNS,
        ACCOUNTS - 1,
        groups.join(", ")
    ));
    if !options.large {
        report.note(format!("`--large` takes {MESSAGES_LARGE} messages."));
    }
    drop((connection, prepared));
    service.terminate()?;
    Ok(report)
}

fn measure(
    connection: &mut Connection,
    bare: &mut Connection,
    name: &str,
    request: &[u8],
    repeats: usize,
    round: &mut Round,
) -> Outcome {
    let (mut floor, mut ours) = (histogram(), histogram());
    for _ in 0..repeats {
        record(&mut floor, bare.timed(request)?);
        record(&mut ours, connection.timed(request)?);
    }
    let [floor, ours] = [&floor, &ours].map(Quantiles::from);
    let bare = format!("{name}: bare exchange of the same bytes p50");
    round.add_plain(&bare, "µs", floor.p50);
    round.add_plain(&format!("{name}: p50"), "µs", ours.p50);
    round.add(&format!("{name}: p99"), "µs", Target::AtMost(2_000.0), ours.p99);
    Ok(())
}

/// What is asked.
fn reports() -> Result<Vec<Asked>, String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| format!("the clock stands before 1970: {error}"))?;
    let now = i64::try_from(now.as_micros()).map_err(|error| error.to_string())?;
    let today = now - now % MICROS_PER_DAY;
    let ago = |days: i64| today - days * MICROS_PER_DAY;
    let date = |at: i64| Day::of(Timestamp::from_micros(at)).to_string();
    let noon = |at: i64| at + MICROS_PER_DAY / 2;
    let all = |name, path: &str, own, key| Asked {
        name,
        path: path.to_owned(),
        own,
        from: i64::MIN,
        to: i64::MAX,
        key,
    };
    Ok(vec![
        all("own, in total", "/usage", true, |_| String::new()),
        all(
            "own, by month and model",
            "/usage?group_by=month&group_by=model",
            true,
            |line| format!("{} {}", &line.day()[..7], line.model),
        ),
        Asked {
            name: "own, the last 30 days by day",
            path: format!("/usage?group_by=day&from={}", date(ago(29))),
            own: true,
            from: ago(29),
            to: i64::MAX,
            key: Line::day,
        },
        Asked {
            name: "own, 30 days from noon to noon",
            path: format!(
                "/usage?from={}T12:00:00Z&to={}T12:00:00Z",
                date(ago(60)),
                date(ago(30))
            ),
            own: true,
            from: noon(ago(60)),
            to: noon(ago(30)),
            key: |_| String::new(),
        },
        all(
            "all accounts, by user",
            "/admin/usage?group_by=user",
            false,
            |line| line.user.to_string(),
        ),
        all(
            "all accounts, by model and scope",
            "/admin/usage?group_by=model&group_by=scope",
            false,
            |line| format!("{} {}", line.model, line.scope),
        ),
    ])
}

impl Line {
    fn day(&self) -> String {
        Day::of(Timestamp::from_micros(self.at)).to_string()
    }
}

/// The groups of each report, from the lines themselves.
fn recounts(folder: &Path, asked: &[Asked]) -> Result<Vec<BTreeMap<String, Sum>>, String> {
    let failed = |error: rusqlite::Error| format!("cannot read the ledger: {error}");
    let path = folder.join("data").join("chatai.db");
    let database =
        rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let own: i64 = database
        .query_row(
            "select id from users where email = ?1",
            params![email(0)],
            |row| row.get(0),
        )
        .map_err(failed)?;
    let mut statement = database
        .prepare(
            "select user_id, created_at, model, scope, calls, fresh_input + cache_read + cache_write, cache_read, output, \
             amount from ledger",
        )
        .map_err(failed)?;
    let lines = statement
        .query_map([], |row| {
            let sum = Sum {
                calls: row.get(4)?,
                input: row.get(5)?,
                cached: row.get(6)?,
                output: row.get(7)?,
                amount: row.get(8)?,
            };
            Ok(Line {
                user: row.get(0)?,
                at: row.get(1)?,
                model: row.get(2)?,
                scope: row.get(3)?,
                sum,
            })
        })
        .map_err(failed)?;
    let mut recounts = vec![BTreeMap::<String, Sum>::new(); asked.len()];
    for line in lines {
        let line = line.map_err(failed)?;
        for (asked, groups) in asked.iter().zip(&mut recounts) {
            if (!asked.own || line.user == own) && (asked.from..asked.to).contains(&line.at) {
                groups.entry((asked.key)(&line)).or_default().add(&line.sum);
            }
        }
    }
    Ok(recounts)
}

/// Fails unless a report says what the recount says, of every group and in total.
fn compare(asked: &Asked, reply: &Value, recount: &BTreeMap<String, Sum>) -> Outcome {
    let differ = |what: &str, said: &Sum, counted: &Sum| {
        format!(
            "`{}`: {what}: the report says {said:?}, the recount {counted:?}",
            asked.name
        )
    };
    let mut total = Sum::default();
    recount.values().for_each(|sum| total.add(sum));
    let said = sum(&reply["total"])?;
    if said != total {
        return Err(differ("total", &said, &total));
    }
    let groups = reply["groups"].as_array().ok_or("a report has no groups")?;
    if groups.is_empty() {
        return match recount.len() {
            1 => Ok(()),
            _ => Err(format!("`{}` has no groups", asked.name)),
        };
    }
    for group in groups {
        let members = group["key"].as_object().ok_or("a group has no key")?;
        let words: Vec<String> = members
            .values()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let key = words.join(" ");
        let (said, counted) = (sum(group)?, recount.get(&key).copied().unwrap_or_default());
        if said != counted {
            return Err(differ(&key, &said, &counted));
        }
    }
    if groups.len() == recount.len() {
        Ok(())
    } else {
        let (said, counted) = (groups.len(), recount.len());
        Err(format!(
            "`{}`: {said} groups, {counted} in the recount",
            asked.name
        ))
    }
}

fn sum(reply: &Value) -> Result<Sum, String> {
    let count = |name: &str| {
        reply[name]
            .as_i64()
            .ok_or_else(|| format!("no {name} in {reply}"))
    };
    let price = reply["price_exact"].as_str().unwrap_or_default();
    let amount = Money::parse_usd(price).map_err(|error| format!("not an amount: {price}: {error}"))?;
    Ok(Sum {
        calls: count("calls")?,
        input: count("input_tokens")?,
        cached: count("cached_tokens")?,
        output: count("output_tokens")?,
        amount: amount.as_pico(),
    })
}

fn email(account: usize) -> String {
    format!("account{account}@example.org")
}

/// A folder whose database holds this many messages and a line of the ledger for every answer, and the token of the
/// first account.
fn stocked(messages: usize) -> Result<(TempDir, String), String> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), None)?;
    let mut connection = service.connect()?;
    // The first one is the administrator.
    let token = service::register(&mut connection, &email(0))?;
    for account in 1..ACCOUNTS {
        service::register(&mut connection, &email(account))?;
    }
    drop(connection);
    service.terminate()?;
    let mut stock = Stock::open(folder.path())?;
    let conversations = messages / 2 / TURNS_IN_A_CONVERSATION;
    for account in 0..ACCOUNTS {
        let share = if account == 0 { 2 } else { 2 * (ACCOUNTS - 1) };
        let ids = stock.add_conversations(&email(account), conversations / share)?;
        stock.add_short_talks(&ids, TURNS_IN_A_CONVERSATION)?;
    }
    stock.charge(DAYS)?;
    stock.close()?;
    Ok((folder, token))
}
