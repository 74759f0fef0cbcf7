//! A small collection with the difficulties that retrieval has to deal with: articles and subtitles, accents, one author
//! twice, authors of one family name, titles that are everyday words, years before Christ.

use chatai_rag::{Collection, Hit, Index, Query};

pub(crate) const BOOKS: &str = r#"[
{"title": "War and Peace", "author": "Leo Tolstoy", "year": 1869, "language": "Russian", "genres": ["historical fiction"], "themes": ["war", "family"],
 "short_summary": "Five aristocratic families live through Napoleon's invasion of Russia."},
{"title": "Anna Karenina", "author": "Leo Tolstoy", "year": 1877, "language": "Russian", "genres": ["romance", "tragedy"], "themes": ["adultery", "marriage"],
 "short_summary": "A married woman leaves everything for an officer and loses everything."},
{"title": "The Slynx", "author": "Tatyana Tolstaya", "year": 2000, "language": "Russian", "genres": ["dystopian fiction"], "themes": ["ignorance", "books and reading"],
 "short_summary": "Two hundred years after the Blast, mutants copy old verses by hand."},
{"title": "Crime and Punishment", "author": "Fyodor Dostoevsky", "year": 1866, "language": "Russian", "genres": ["crime fiction"], "themes": ["guilt", "redemption"],
 "short_summary": "A student murders a pawnbroker and is hunted by his conscience."},
{"title": "Dune", "author": "Frank Herbert", "year": 1965, "language": "English", "genres": ["science fiction"], "themes": ["power", "ecology"],
 "short_summary": "On a desert planet a young heir joins the people who ride giant worms."},
{"title": "Dune Messiah", "author": "Frank Herbert", "year": 1969, "language": "English", "genres": ["science fiction"], "themes": ["power", "religion"],
 "short_summary": "The emperor of a galaxy is trapped by his own visions."},
{"title": "The Hobbit; or, There and Back Again", "author": "J. R. R. Tolkien", "year": 1937, "language": "English", "genres": ["fantasy", "children's literature"], "themes": ["adventure", "courage"],
 "short_summary": "A comfortable burrow-dweller is hired as a burglar by dwarves to rob a dragon."},
{"title": "Nineteen Eighty-Four", "author": "George Orwell", "year": 1949, "language": "English", "genres": ["dystopian fiction"], "themes": ["totalitarianism", "surveillance"],
 "short_summary": "A clerk who rewrites old newspapers begins to doubt the Party that watches everyone."},
{"title": "Emma", "author": "Jane Austen", "year": 1815, "language": "English", "genres": ["comedy", "romance"], "themes": ["marriage", "social class"],
 "short_summary": "A rich young matchmaker is wrong about everyone's heart, her own first."},
{"title": "The Trial", "author": "Franz Kafka", "year": 1925, "language": "German", "genres": ["philosophical fiction"], "themes": ["bureaucracy", "guilt"],
 "short_summary": "A bank clerk is arrested one morning and never learns of what he is accused; the court sits in attics."},
{"title": "It", "author": "Stephen King", "year": 1986, "language": "English", "genres": ["horror"], "themes": ["fear", "friendship"],
 "short_summary": "Seven friends return to their home town to face what took children there, on trial against their own memory."},
{"title": "One Hundred Years of Solitude", "author": "Gabriel García Márquez", "year": 1967, "language": "Spanish", "genres": ["magical realism", "family saga"], "themes": ["solitude", "memory"],
 "short_summary": "Seven generations of a family live and forget in a town surrounded by swamps."},
{"title": "The Odyssey", "author": "Homer", "year": "8th century BC", "language": "Ancient Greek", "genres": ["epic poetry"], "themes": ["journey", "homecoming"],
 "short_summary": "A king sails home from a war for ten years, among monsters, witches and a jealous sea god."},
{"title": "Good Omens", "author": "Neil Gaiman and Terry Pratchett", "year": 1990, "language": "English", "genres": ["fantasy", "comedy"], "themes": ["apocalypse", "friendship"],
 "short_summary": "An angel and a demon try to stop the end of the world because they like living here."},
{"title": "The Tale of the Heike", "language": "Japanese", "genres": ["war epic"], "themes": ["war", "impermanence"],
 "short_summary": "Two samurai clans fight for the rule of Japan; bells toll for the vanity of power."}
]"#;

pub(crate) fn index() -> Index {
    Index::build(&Collection::parse(BOOKS, "test.json").expect("the fixture is a collection"))
}

pub(crate) fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn asking(content: &str) -> Query {
    Query {
        content: Some(content.to_owned()),
        limit: 5,
        ..Query::default()
    }
}

pub(crate) fn titles(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.book.title.as_str()).collect()
}
