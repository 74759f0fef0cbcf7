//! Times building and searching: the shipped collection and a made one of 100,000 books.
//! `cargo run --release -p chatai-rag --example measure`

use chatai_rag::{Book, Collection, EmbeddingSpace, Index, Query, QueryVector, Vectors, Year, summarise};
use std::time::{Duration, Instant};

const BOOKS: &str = include_str!("../../../data/books.json");
const REQUESTS: [&str; 6] = [
    "a family saga with magic set in a small town",
    "Russian novels about guilt from the 19th century",
    "something like Dune",
    "the great gatsbi",
    "funny science fiction without war",
    "books about loneliness in a big city",
];

fn main() {
    let collection = Collection::parse(BOOKS, "books.json").expect("the shipped collection can be read");
    report("shipped", &collection, 2_000);
    let made = Collection::from_books((0..100_000).map(|n| made_book(&collection, n)), "made");
    report("100,000 books", &made, 4);
    let text: String = collection
        .books()
        .iter()
        .map(|book| format!("{}\n\n", book.full_summary))
        .collect();
    let text = text.repeat(2 * 1024 * 1024 / text.len());
    let start = Instant::now();
    let summary = summarise(&text, 1_000);
    println!(
        "summary of {} bytes: {:?}, {} bytes",
        text.len(),
        start.elapsed(),
        summary.len()
    );
}

fn report(name: &str, collection: &Collection, rounds: u32) {
    let start = Instant::now();
    let index = Index::build(collection);
    let mut least = start.elapsed();
    for _ in 0..rounds.min(20) / 5 {
        let start = Instant::now();
        drop(Index::build(collection));
        least = least.min(start.elapsed());
    }
    println!("{name}: {} books built in {least:?} (least)", index.len());
    let start = Instant::now();
    drop(index.update(collection));
    println!("  unchanged update {:?}", start.elapsed());
    for request in REQUESTS {
        let query = Query {
            content: Some(request.to_owned()),
            limit: 5,
            ..Query::default()
        };
        let (mut least, mut total) = (Duration::MAX, Duration::ZERO);
        let mut found = 0;
        for _ in 0..rounds {
            let start = Instant::now();
            found = index.search(&query, None).len();
            least = least.min(start.elapsed());
            total += start.elapsed();
        }
        println!(
            "  {request:<50} mean {:>9.1?} least {least:>9.1?} hits {found}",
            total / rounds
        );
    }
    let start = Instant::now();
    drop(index.find_titles(&["A Titel That Is Misspeled".to_owned()]));
    println!("  unknown title {:?}", start.elapsed());
    let mut vectors = Vectors::new(EmbeddingSpace {
        model: "made".to_owned(),
        dimension: 384,
    });
    let mut state = 1_u32;
    let mut embedding = || -> Vec<f32> {
        (0..384)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0 - 0.5
            })
            .collect()
    };
    let missing: Vec<_> = vectors.missing(&index).map(|(_, hash, _)| hash).collect();
    for hash in missing {
        vectors
            .insert(hash, &embedding())
            .expect("made vectors fit their space");
    }
    let wanted = embedding();
    let query = Query {
        content: Some(REQUESTS[0].to_owned()),
        limit: 5,
        ..Query::default()
    };
    let start = Instant::now();
    let hits = index.search(
        &query,
        Some(QueryVector {
            vectors: &vectors,
            embedding: &wanted,
        }),
    );
    println!(
        "  joined with 384 dimensions {:?}, {} hits",
        start.elapsed(),
        hits.len()
    );
}

/// A book like those of the collection, with numbers that make words, names and titles of its own.
fn made_book(collection: &Collection, n: usize) -> Book {
    let pick = |step: usize| &collection.books()[n.wrapping_mul(step) % collection.len()];
    Book {
        title: format!("{} {n}", pick(1).title),
        author: Some(format!(
            "{} {}",
            pick(3).author.clone().unwrap_or_default(),
            n % 5_000
        )),
        year: Some(Year::from_number(1_500 + (n % 520) as i32)),
        full_summary: format!("{} {}", pick(7).short_summary, pick(11).full_summary),
        ..(**pick(13)).clone()
    }
}
