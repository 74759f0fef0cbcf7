//! What one entry of the table of keys says, and the macro that turns a section's entries into a struct,
//! its reader and its documentation at once.

use std::sync::LazyLock;

use crate::keys::Config;

/// One key of the configuration, as the documentation and the command line know it.
#[derive(Clone, Debug)]
pub struct Key {
    /// The dotted name, such as `server.listen`.
    pub name: &'static str,
    /// The section, such as `server`, and the last part of the name, such as `listen`.
    pub path: (&'static str, &'static str),
    /// What a value has to be, such as `a whole number from 1 to 60`.
    pub values: String,
    /// The default as TOML; `""` where the key is absent by default.
    pub default: String,
    /// What it is for, one or more sentences of Markdown.
    pub meaning: String,
    /// The environment variable, `CHATAI__SECTION__KEY`.
    pub environment: String,
    /// The name that the original service read.
    pub legacy: Option<&'static str>,
    /// The command line flag.
    pub flag: Option<&'static str>,
    /// Whether the value must never be printed.
    pub secret: bool,
}

/// A group of keys.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) meaning: String,
}

/// Every section and key, in the order of the documentation.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) sections: Vec<Section>,
    pub(crate) keys: Vec<Key>,
}

impl Table {
    pub(crate) fn get() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(|| {
            let mut table = Table::default();
            Config::describe(&mut table);
            table
        });
        &TABLE
    }

    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether keys or other sections live under this dotted name.
    pub(crate) fn is_section(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }
}

/// Every key, in the order of the documentation.
pub fn keys() -> &'static [Key] {
    &Table::get().keys
}

/// Joins the lines of a doc comment, each of which starts with a blank.
pub(crate) fn sentence(doc: &str) -> String {
    doc.trim().to_owned()
}

/// `server.listen` → `CHATAI__SERVER__LISTEN`.
pub(crate) fn environment_name(name: &str) -> String {
    format!("CHATAI__{}", name.to_uppercase().replace('.', "__"))
}

/// Declares one section: its struct, how it is read and how it is described.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $Section:ident = $path:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident : $type:ty = $kind:expr => $default:literal
                    $(, legacy $legacy:literal)? $(, flag $flag:literal)? ;
            )*
            $( section $sub:ident : $Sub:ident ; )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $Section {
            $( $(#[doc = $doc])+ pub $field: $type, )*
            $( #[doc = concat!("The keys of `[", $path, ".", stringify!($sub), "]`.")] pub $sub: $Sub, )*
        }

        impl $Section {
            pub(crate) fn read(reader: &mut crate::load::Reader<'_>) -> Self {
                Self {
                    $( $field: reader.read(concat!($path, ".", stringify!($field)), &$kind, $default), )*
                    $( $sub: $Sub::read(reader), )*
                }
            }

            pub(crate) fn describe(table: &mut crate::table::Table) {
                table.sections.push(crate::table::Section {
                    name: $path,
                    meaning: crate::table::sentence(concat!($($about),+)),
                });
                $(
                    table.keys.push(crate::table::Key {
                        name: concat!($path, ".", stringify!($field)),
                        path: ($path, stringify!($field)),
                        values: crate::kinds::describe::<$type, _>(&$kind),
                        default: crate::kinds::toml_of_default::<$type, _>(&$kind, $default),
                        meaning: crate::table::sentence(concat!($($doc),+)),
                        environment: crate::table::environment_name(concat!($path, ".", stringify!($field))),
                        legacy: [$($legacy,)? ""].first().copied().filter(|name| !name.is_empty()),
                        flag: [$($flag,)? ""].first().copied().filter(|name| !name.is_empty()),
                        secret: crate::kinds::is_secret::<$type, _>(&$kind),
                    });
                )*
                $( $Sub::describe(table); )*
            }
        }
    };
}
