// Which key was meant, whatever the keyboard layout.

/** Letters of the page by the place of the key that bears them. */
const LETTERS = { KeyN: "n", KeyU: "u", KeyX: "x", KeyS: "s", KeyZ: "z", KeyB: "b" };

/**
 * The key as the page knows it: `1` to `5`, a letter in small, or a key's name in small.
 *
 * A Latin letter is what it says, wherever it lies (Z on a German keyboard, A on a French one). Where the layout writes another
 * script, or an input method holds the key back, the place of the key counts. The digit row bears other signs on many layouts
 * (French, Czech), so there its place counts unless it gives a digit; with Shift the sign is meant.
 */
export function meant({ key, code = "", shiftKey = false }) {
  const said = key.toLowerCase();
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(code);
  if (digit && !shiftKey && !/^[0-9]$/.test(said)) return digit[1];
  const foreign = ["process", "dead", "unidentified"].includes(said) || (said.length === 1 && said > "\u007f");
  return foreign && LETTERS[code] ? LETTERS[code] : said;
}
