//! The little XML that label files need: elements, attributes, text. No DOCTYPE, no entities but XML's five.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::error::Fault;

/// An element with all it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Text directly inside, entities resolved, not trimmed.
    pub(super) text: String,
    pub(super) children: Vec<Self>,
    /// Line of its start tag, from 1.
    pub(super) line: u32,
}

/// Elements in elements.
const MAX_DEPTH: usize = 32;

impl Element {
    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Trimmed text of a child.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }
}

/// Hands over each child of the root, one after the other, so that only one is in memory at a time.
///
/// # Errors
/// `wrong(line, fault)` for what the parser meets, and whatever `visit` answers.
pub(super) fn each_child<E>(
    text: &str,
    root: &'static str,
    wrong: impl Fn(u32, Fault) -> E,
    mut visit: impl FnMut(Element) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut open: Vec<Element> = Vec::new();
    let mut seen_root = false;
    loop {
        let line = lines.at(reader.buffer_position() as usize);
        let event = reader.read_event().map_err(|error| wrong(line, Fault::Xml(error)))?;
        match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(wrong(line, Fault::TooDeep(MAX_DEPTH)));
                }
                let element = element(&start, line).map_err(|fault| wrong(line, fault))?;
                if open.is_empty() && (seen_root || element.name != root) {
                    return Err(wrong(line, Fault::Root { found: element.name, expected: root }));
                }
                seen_root = true;
                open.push(element);
            }
            Event::End(_) => {
                // The parser refuses end tags that open nothing.
                let Some(done) = open.pop() else { continue };
                match open.as_mut_slice() {
                    [] => {}
                    [_root] => visit(done)?,
                    [.., parent] => parent.children.push(done),
                }
            }
            Event::Text(text) => push_text(&mut open, &text.xml10_content()),
            Event::CData(text) => push_text(&mut open, &text),
            Event::GeneralRef(entity) => {
                let resolved = match entity.resolve_char_ref().map_err(|error| wrong(line, Fault::Xml(error)))? {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&entity)
                        .ok_or_else(|| wrong(line, Fault::Entity(entity.chars().take(40).collect())))?
                        .to_owned(),
                };
                push_text(&mut open, &resolved);
            }
            Event::DocType(_) => return Err(wrong(line, Fault::Doctype)),
            Event::Eof if open.is_empty() && seen_root => return Ok(()),
            Event::Eof if seen_root => return Err(wrong(line, Fault::Unfinished)),
            Event::Eof => return Err(wrong(line, Fault::Missing(root))),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &BytesStart<'_>, line: u32) -> Result<Element, Fault> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| Fault::Xml(error.into()))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(Fault::Xml)?;
        attributes.push((attribute.key.0.to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.name().0.to_owned(), attributes, line, ..Element::default() })
}

/// Line numbers of growing offsets, each byte looked at once.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> u32 {
        let offset = offset.min(self.text.len());
        let passed = self.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        self.line += passed.iter().filter(|&&b| b == b'\n').count() as u32;
        self.offset = self.offset.max(offset);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Element>, (u32, String)> {
        let mut children = Vec::new();
        each_child(
            text,
            "a",
            |line, fault| (line, fault.to_string()),
            |child| {
                children.push(child);
                Ok(())
            },
        )?;
        Ok(children)
    }

    #[test]
    fn elements() {
        let children = read("<?xml version='1.0'?>\n<a>\n<!-- x -->\n<b c='1 &lt; 2' d=\"&#65;\">x &amp; <i/>y<![CDATA[<z>]]></b>\n<e/></a>").unwrap();
        assert_eq!(children.len(), 2);
        let b = &children[0];
        assert_eq!((b.name.as_str(), b.line, b.text.as_str()), ("b", 4, "x & y<z>"));
        assert_eq!((b.attribute("c"), b.attribute("d")), (Some("1 < 2"), Some("A")));
        assert_eq!(b.children[0].name, "i");
        assert_eq!(children[1].name, "e");
    }

    #[test]
    fn what_is_refused() {
        let deep = format!("<a>{}", "<b>".repeat(50));
        let check = |text: &str, line: u32, expected: &str| {
            let (at, message) = read(text).unwrap_err();
            assert!(at == line && message.contains(expected), "{at}: {message}");
        };
        check("<!DOCTYPE a [<!ENTITY x 'y'>]>\n<a>&x;</a>", 1, "DOCTYPE");
        check("<a>\n<b>&x;</b></a>", 2, "&x; is not one of the five entities");
        check("<a><b c='&x;'/></a>", 1, "not well-formed");
        check("<b/>", 1, "begins with <b> where <a> is expected");
        check("<a/><a/>", 1, "begins with <a>");
        check("<a>\n<b></a>", 2, "not well-formed");
        check("<a>\n<b>", 2, "ends in the middle");
        check("", 1, "<a> is missing");
        check("{}", 1, "<a> is missing");
        check(&deep, 1, "nested deeper than 32");
    }
}
