//! Python's pickle format, as far as state dicts need it (`Lib/pickletools.py` of CPython describes every operation).
//!
//! Nothing is called or imported: what a pickle would call stands in the graph as a call. Every operation adds at most one
//! node, so the graph is not larger than the bytes it comes from allow.

/// Bytes that are read from the front.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| "it ends too early".to_owned())
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn line(&mut self) -> Result<String, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or("it ends too early")?;
        let line = self.take(end)?;
        self.take(1)?;
        text(line)
    }
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a name in it is not UTF-8".to_owned())
}

/// A Python object; others are named by their number.
pub(super) enum Node {
    /// Where a tuple or the items of a list begin on the stack.
    Mark,
    /// What does not matter here: `None`, booleans, floats, numbers too large.
    Other,
    Whole(i64),
    Text(String),
    /// Module and name, with a blank between.
    Class(String),
    Tuple(Vec<usize>),
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    /// What would be called, and with which tuple.
    Call(usize, usize),
    /// What the pickle refers to outside of itself.
    Persistent(usize),
}

/// The objects of one pickle.
pub(super) struct Graph {
    nodes: Vec<Node>,
    root: usize,
}

impl Graph {
    pub(super) fn root(&self) -> usize {
        self.root
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The value of a key of a dictionary.
    pub(super) fn get(&self, dict: usize, key: &str) -> Option<usize> {
        let Node::Dict(entries) = self.node(dict) else { return None };
        let is_key = |at: usize| matches!(self.node(at), Node::Text(text) if text == key);
        entries.iter().find(|(at, _)| is_key(*at)).map(|(_, value)| *value)
    }

    /// What is called, and its arguments.
    pub(super) fn call(&self, at: usize) -> Option<(&str, &[usize])> {
        let Node::Call(callable, arguments) = self.node(at) else { return None };
        match (self.node(*callable), self.node(*arguments)) {
            (Node::Class(class), Node::Tuple(arguments)) => Some((class, arguments)),
            _ => None,
        }
    }

    /// Reads one pickle.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        let mut machine = Machine::default();
        loop {
            let operation = cursor.byte()?;
            if operation == b'.' {
                let root = machine.pop()?;
                return Ok(Self { nodes: machine.nodes, root });
            }
            machine.step(operation, cursor)?;
        }
    }
}

#[derive(Default)]
struct Machine {
    nodes: Vec<Node>,
    stack: Vec<usize>,
    memo: std::collections::HashMap<u32, usize>,
}

impl Machine {
    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
    }

    fn pop(&mut self) -> Result<usize, String> {
        self.stack.pop().ok_or_else(|| "its pickle takes more than it holds".to_owned())
    }

    fn top(&self) -> Result<usize, String> {
        self.stack.last().copied().ok_or_else(|| "its pickle takes more than it holds".to_owned())
    }

    /// What lies above the last mark, which goes too.
    fn above_mark(&mut self) -> Result<Vec<usize>, String> {
        let mark = self.stack.iter().rposition(|&at| matches!(self.nodes[at], Node::Mark));
        let mark = mark.ok_or("its pickle misses a mark")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.truncate(mark);
        Ok(items)
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let start = self.stack.len().checked_sub(length).ok_or("its pickle takes more than it holds")?;
        let items = self.stack.split_off(start);
        self.push(Node::Tuple(items));
        Ok(())
    }

    fn set(&mut self, entries: &[usize]) -> Result<(), String> {
        let dict = self.top()?;
        if let Node::Dict(held) = &mut self.nodes[dict] {
            held.extend(entries.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)));
        }
        Ok(())
    }

    fn append(&mut self, items: &[usize]) -> Result<(), String> {
        let list = self.top()?;
        if let Node::List(held) = &mut self.nodes[list] {
            held.extend(items);
        }
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), String> {
        let at = *self.memo.get(&key).ok_or("its pickle recalls what it never stored")?;
        self.stack.push(at);
        Ok(())
    }

    fn memorise(&mut self, key: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn step(&mut self, operation: u8, cursor: &mut Cursor<'_>) -> Result<(), String> {
        match operation {
            // PROTO, FRAME: nothing to do.
            0x80 => drop(cursor.byte()?),
            0x95 => drop(cursor.take(8)?),
            b'(' => self.push(Node::Mark),
            b'N' | 0x88 | 0x89 => self.push(Node::Other),
            b'G' => {
                cursor.take(8)?;
                self.push(Node::Other);
            }
            b'K' => {
                let number = cursor.byte()?;
                self.push(Node::Whole(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(cursor.array()?);
                self.push(Node::Whole(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(cursor.array()?);
                self.push(Node::Whole(number.into()));
            }
            // LONG1: little endian, two's complement, of any length.
            0x8a => {
                let length = usize::from(cursor.byte()?);
                let bytes = cursor.take(length)?;
                let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
                let mut number = [sign; 8];
                match number.get_mut(..length) {
                    Some(low) => {
                        low.copy_from_slice(bytes);
                        self.push(Node::Whole(i64::from_le_bytes(number)));
                    }
                    None => self.push(Node::Other),
                }
            }
            b'X' => {
                let length = u32::from_le_bytes(cursor.array()?);
                let text = text(cursor.take(length as usize)?)?;
                self.push(Node::Text(text));
            }
            0x8c => {
                let length = cursor.byte()?;
                let text = text(cursor.take(length.into())?)?;
                self.push(Node::Text(text));
            }
            b'c' => {
                let (module, name) = (cursor.line()?, cursor.line()?);
                self.push(Node::Class(format!("{module} {name}")));
            }
            // STACK_GLOBAL
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Node::Text(module), Node::Text(name)) = (&self.nodes[module], &self.nodes[name]) else {
                    return Err("its pickle names a class without text".to_owned());
                };
                let class = format!("{module} {name}");
                self.push(Node::Class(class));
            }
            b')' => self.push(Node::Tuple(Vec::new())),
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b't' => {
                let items = self.above_mark()?;
                self.push(Node::Tuple(items));
            }
            0x85..=0x87 => self.tuple(usize::from(operation - 0x84))?,
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let entries = self.above_mark()?;
                self.set(&entries)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.above_mark()?;
                self.append(&items)?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let ordered = matches!(&self.nodes[callable], Node::Class(class) if class == "collections OrderedDict");
                self.push(if ordered { Node::Dict(Vec::new()) } else { Node::Call(callable, arguments) });
            }
            // BUILD: attributes, of which none matters here.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id));
            }
            b'q' => {
                let key = cursor.byte()?;
                self.memorise(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(cursor.array()?);
                self.memorise(key)?;
            }
            // MEMOIZE
            0x94 => self.memorise(self.memo.len() as u32)?,
            b'h' => {
                let key = cursor.byte()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(cursor.array()?);
                self.recall(key)?;
            }
            other => return Err(format!("its pickle has the operation {other:#04x}, which no state dict needs")),
        }
        Ok(())
    }
}
