//! Languages by file extension, named as Markdown's fenced code blocks name them.

/// A programming, data or markup language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Language(&'static str);

impl Language {
    /// Its name, fit for the info string of a fenced code block: `rust`, `json`.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The language of a file by its name; `extension` is in lower case.
    pub(super) fn of_file(name: &str, extension: &str) -> Option<Self> {
        let whole_name = match name.to_ascii_lowercase().as_str() {
            "dockerfile" | "containerfile" => Some("dockerfile"),
            "makefile" | "gnumakefile" => Some("makefile"),
            "cmakelists.txt" => Some("cmake"),
            ".gitignore" | ".dockerignore" => Some("gitignore"),
            ".env" => Some("dotenv"),
            _ => None,
        };
        whole_name.or_else(|| by_extension(extension)).map(Self)
    }
}

fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "asm" | "s" => "asm",
        "awk" => "awk",
        "bash" | "sh" | "zsh" => "bash",
        "bat" | "cmd" => "batch",
        "bib" => "bibtex",
        "c" | "h" => "c",
        "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" => "cpp",
        "clj" | "cljs" | "edn" => "clojure",
        "cmake" => "cmake",
        "cs" => "csharp",
        "css" => "css",
        "dart" => "dart",
        "diff" | "patch" => "diff",
        "erl" | "hrl" => "erlang",
        "ex" | "exs" => "elixir",
        "f" | "f90" | "f95" | "for" => "fortran",
        "fs" | "fsx" => "fsharp",
        "go" => "go",
        "gradle" | "groovy" => "groovy",
        "graphql" | "gql" => "graphql",
        "hcl" | "tf" => "hcl",
        "hs" => "haskell",
        "ini" | "cfg" | "conf" | "properties" => "ini",
        "ipynb" | "json" | "jsonl" | "ndjson" | "geojson" => "json",
        "java" => "java",
        "jl" => "julia",
        "js" | "mjs" | "cjs" | "jsx" => "javascript",
        "kt" | "kts" => "kotlin",
        "less" => "less",
        "lisp" | "el" | "scm" => "lisp",
        "lua" => "lua",
        "m" | "mm" => "objectivec",
        "ml" | "mli" => "ocaml",
        "nix" => "nix",
        "pas" => "pascal",
        "php" => "php",
        "pl" | "pm" => "perl",
        "proto" => "protobuf",
        "ps1" | "psm1" => "powershell",
        "py" | "pyi" => "python",
        "r" => "r",
        "rb" => "ruby",
        "rs" => "rust",
        "rst" => "rst",
        "sass" | "scss" => "scss",
        "scala" | "sc" => "scala",
        "sol" => "solidity",
        "sql" => "sql",
        "srt" | "vtt" => "subtitles",
        "svelte" => "svelte",
        "swift" => "swift",
        "tcl" => "tcl",
        "tex" | "sty" | "cls" => "latex",
        "toml" => "toml",
        "ts" | "mts" | "cts" | "tsx" => "typescript",
        "vb" | "vbs" => "vb",
        "vue" => "vue",
        "xml" | "xsd" | "xsl" | "xslt" | "svg" | "rss" | "atom" | "plist" => "xml",
        "yaml" | "yml" => "yaml",
        "zig" => "zig",
        _ => return None,
    })
}
