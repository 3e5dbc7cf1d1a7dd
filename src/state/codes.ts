/** Errors that are not the codec's: about inputs, formats, documents and edits. Stable, as the codec's are. */
export const STATE_CODES = {
  'format-unknown': {
    title: 'No format is known by this name, or none recognises the input',
    text: 'The first bytes decide what an input is. If none of the formats knows them, the input is something else, begins elsewhere, or is damaged at its start. `--as FORMAT` reads it as that format all the same; `carryover formats` lists them.',
  },
  'generation-unknown': {
    title: 'The format has no such generation',
    text: 'What stands behind the @ in `--as FORMAT@GENERATION` or in `generation` of a document is one of the names that `carryover formats` lists.',
  },
  'abi-unknown': {
    title: 'No ABI is known by this name',
    text: 'An ABI is the name of a preset (x86_64, i386, arm, …), or a preset with parts replaced: `i386,timeSize=8`. In a document it is a name or an object, `{ "like": "i386", "timeSize": 8 }`.',
  },
  'input-too-large': {
    title: 'The input, or what it unpacks to, does not fit in memory',
    text: 'Inputs are read as a whole, up to what one buffer of this JavaScript engine can hold.',
  },
  'gzip-invalid': {
    title: 'The input begins like gzip, but cannot be unpacked',
    text: 'The compressed data is damaged or cut off. Unpack it with another tool to see how much of it is left.',
  },
  'document-invalid': {
    title: 'The JSON is not what `decode --json` writes',
    text: 'A document is one object with `format`, `generation`, `abi` and `value`. If the JSON cannot be parsed at all, the message says where.',
  },
  'document-incomplete': {
    title: 'The value is not complete, so its bytes cannot be given back',
    text: 'The input was cut off or damaged where decoding it needed sound data. What could be read is shown, but encoding it would silently leave out the rest. Repair the input, or complete the value and remove `incomplete` from the document.',
  },
  'edit-impossible': {
    title: 'The field cannot be changed in this way',
    text: 'Of an input that does not decode completely, only single fields can be changed, in place: what follows a text or an array of another length could not be moved. In a memory dump nothing can be moved at all, and what decode sums up (ranges of pages, sizes that follow) has no bytes of its own; the message says what can be set instead.',
  },
  'convert-impossible': {
    title: 'The value cannot be written that way',
    text: 'The other ABI or generation has no place for something in the value, or needs something that is not in it. The message names the field.',
  },
  'input-no-memory': {
    title: 'That takes an image of the memory',
    text: 'A directory of debugfs, or one blob of a handover, has pointers but not the memory behind them. The content of preserved files, and what a kernel would do with the whole, can only be told from a dump.',
  },
  'dump-read-only': {
    title: 'This cannot be made from the JSON of a dump',
    text: 'encode makes the bytes of one value. What a kernel handed over lies scattered in its memory: decode --spec describes it and build makes it anew, set and patch change fields where they lie, convert lays it out for another kernel or machine.',
  },
  'diff-kinds': {
    title: 'The two inputs are of different kinds',
    text: 'Two states are compared by what they mean, so they have to be of one format, in any generation of it: two handovers (memory dumps, copies of debugfs, single blobs, in any combination), two streams, two device trees. `--as` reads an input as another format.',
  },
  'type-unknown': {
    title: 'No type is known by this name',
    text: '`carryover layout` without a name lists the types of all formats.',
  },
  'code-unknown': {
    title: 'Nothing is known by this name',
    text: '`carryover explain` without a name lists all codes and rules.',
  },
} as const satisfies Record<string, { title: string; text: string }>;

export type StateCode = keyof typeof STATE_CODES;
