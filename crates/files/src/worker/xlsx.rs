//! Workbooks: each sheet as a headed block of lines, cells parted by tabs.

use super::archive::Archive;
use super::{Failure, Parsed};
use crate::text::BoundedText;
use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx, XlsxError};
use std::io::Cursor;

/// Cells that are looked at, empty ones included.
const MAX_CELLS: usize = 2_000_000;

/// Columns of a sheet (the format's own limit is 16,384). Cells beyond are left out.
const MAX_COLUMNS: u32 = 1_024;

pub(super) fn parse(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    drop(Archive::open_document(bytes)?);
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let mut cells_left = MAX_CELLS;
    let (mut unreadable, mut too_wide) = (Vec::new(), false);
    let names = workbook.sheet_names();
    for name in &names {
        text.end_block();
        text.push_str("## ");
        text.push_str(&one_line(name));
        text.push('\n');
        match read_sheet(&mut workbook, name, &mut cells_left, text) {
            Ok(is_too_wide) => too_wide |= is_too_wide,
            // A sheet of charts has no cells.
            Err(XlsxError::NotAWorksheet(_)) => {}
            Err(error) if names.len() == 1 => return Err(broken(error)),
            Err(_) => unreadable.push(one_line(name)),
        }
        if text.is_truncated() {
            break;
        }
    }
    if !names.is_empty() && unreadable.len() == names.len() {
        return Err(Failure::Broken("no sheet of the workbook can be read".to_owned()));
    }
    if too_wide {
        text.mark_truncated();
    }
    Ok((!unreadable.is_empty()).then(|| format!("sheets that could not be read: {}", unreadable.join(", "))))
}

/// Adds a sheet's cells. Whether some lay too far to the right.
fn read_sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    cells_left: &mut usize,
    text: &mut BoundedText,
) -> Result<bool, XlsxError> {
    let mut reader = workbook.worksheet_cells_reader(name)?;
    let (mut row, mut column, mut is_too_wide) = (None, 0, false);
    while let Some(cell) = reader.next_cell()? {
        let Some(left) = cells_left.checked_sub(1) else {
            text.mark_truncated();
            return Ok(is_too_wide);
        };
        *cells_left = left;
        let (cell_row, cell_column) = cell.get_position();
        let value = value_text(cell.get_value());
        if value.is_empty() {
            continue;
        }
        if cell_column >= MAX_COLUMNS {
            is_too_wide = true;
            continue;
        }
        if row != Some(cell_row) {
            text.end_line();
            (row, column) = (Some(cell_row), 0);
        }
        while column < cell_column {
            text.push('\t');
            column += 1;
        }
        text.push_str(&value);
        if text.is_truncated() {
            return Ok(is_too_wide);
        }
    }
    text.end_line();
    Ok(is_too_wide)
}

fn value_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) => one_line(text),
        DataRef::SharedString(text) => one_line(text),
        DataRef::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(date) => date_text(date),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => one_line(text),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

/// With the 15 significant digits that spreadsheets show, so that 0.1 + 0.2 is 0.3.
fn number_text(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse::<f64>().unwrap_or(number);
    let size = rounded.abs();
    if size != 0.0 && !(1e-9..1e15).contains(&size) {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

fn date_text(date: &ExcelDateTime) -> String {
    let value = date.as_f64();
    if date.is_duration() {
        let seconds = (value * 86_400.0).round() as i64;
        let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
        return format!(
            "{sign}{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
    }
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    if (0.0..1.0).contains(&value) {
        time
    } else if value.fract() == 0.0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {time}")
    }
}

/// A cell is one field of one line.
fn one_line(text: &str) -> String {
    text.trim().replace("\r\n", " ").replace(['\n', '\r', '\t'], " ")
}

fn broken(error: XlsxError) -> Failure {
    match error {
        XlsxError::Password => Failure::Broken("the workbook is locked with a password".to_owned()),
        error => Failure::Broken(format!("the workbook makes no sense: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType;

    #[test]
    fn numbers_read_as_in_a_spreadsheet() {
        for (number, text) in [
            (0.0, "0"),
            (42.0, "42"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.3"),
            (1e14, "100000000000000"),
            (1.5e300, "1.5e300"),
            (2.5e-12, "2.5e-12"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn dates_are_iso() {
        for (value, kind, text) in [
            (45_943.0, ExcelDateTimeType::DateTime, "2025-10-13"),
            (45_943.5, ExcelDateTimeType::DateTime, "2025-10-13 12:00:00"),
            (0.75, ExcelDateTimeType::DateTime, "18:00:00"),
            (1.5, ExcelDateTimeType::TimeDelta, "36:00:00"),
        ] {
            assert_eq!(date_text(&ExcelDateTime::new(value, kind, false)), text);
        }
    }
}
