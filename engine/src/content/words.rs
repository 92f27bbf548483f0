//! Texts of any language as words, written the way that most people type them.

/// One stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Letters and digits between anything else.
    Word(String),
    /// A run of a script that puts no space between words (Chinese, Japanese), character by character.
    Unspaced(Vec<char>),
}

/// The pieces of a text in order: small letters, without accents.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open: Option<Piece> = None;
    for letter in text.chars().flat_map(char::to_lowercase).filter(|&letter| !is_mark(letter)).map(plain) {
        match (&mut open, kind(letter)) {
            (Some(Piece::Word(word)), Kind::Letter) => word.push(letter),
            (Some(Piece::Unspaced(run)), Kind::Unspaced) => run.push(letter),
            (_, Kind::Letter) => pieces.extend(open.replace(Piece::Word(letter.to_string()))),
            (_, Kind::Unspaced) => pieces.extend(open.replace(Piece::Unspaced(vec![letter]))),
            (_, Kind::Between) => pieces.extend(open.take()),
        }
    }
    pieces.extend(open);
    pieces
}

enum Kind {
    Letter,
    Unspaced,
    Between,
}

fn kind(letter: char) -> Kind {
    match letter {
        '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2fa1f}' => Kind::Unspaced,
        _ if letter.is_alphanumeric() => Kind::Letter,
        _ => Kind::Between,
    }
}

/// Accents that stand as characters of their own, as in decomposed Unicode and after `İ` has become small.
fn is_mark(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// The letter without its accent, where sellers leave it out as often as not.
fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' | 'ı' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ğ' => 'g',
        'ş' => 's',
        'ё' => 'е',
        'й' => 'и',
        other => other,
    }
}
