/**
 * Every error the codec raises, by its stable code. A code is never renamed and never reused; the text may
 * be made better. `explain CODE` prints it.
 */
export const CODES = {
  'schema-invalid': {
    title: 'The declaration itself is wrong',
    text: 'A schema says something that no C compiler would accept, or that has no meaning: a bit-field wider than its type, an alignment that is not a power of two, a reference to a field that does not come before. This is a mistake in the code that declares the schema, not in the data.',
  },
  'abi-required': {
    title: 'The layout depends on the machine, and no ABI was given',
    text: 'The schema has members whose size, alignment or byte order differs between machines. Pass an ABI (`{ abi: ABI.x86_64 }`, or `--abi x86_64`), or declare the schema as negotiated so that the ABI is found in the data.',
  },
  truncated: {
    title: 'The input ends before the value does',
    text: 'Decoding needed bytes beyond the end of the input, or beyond the end of the block that the value has to fit in. Either the input was cut off, or a count or length read earlier is wrong; the path says what was being read.',
  },
  'trailing-bytes': {
    title: 'The value ends before the input does',
    text: 'A strict decode takes the whole input, so that encoding can give it back. Bytes were left over: the schema does not describe all of it, a count is too small, or something follows. `decodeAt` decodes a value at an offset and leaves the rest alone.',
  },
  'magic-mismatch': {
    title: 'A magic number is not the expected one',
    text: 'The field has one right value, and another was found. The data is something else, starts elsewhere, or has the other byte order.',
  },
  'unsafe-integer': {
    title: 'A 64-bit integer is too large for a JavaScript number',
    text: 'The schema declares this field as a `number`, which is exact up to 2^53 - 1 only. The value found is larger. Declare the field as a bigint (the default for 64 bits) to read it.',
  },
  'count-limit': {
    title: 'An array has more elements than its bytes can hold',
    text: 'The field that counts the elements says more than fit in what is left of the input, even if each took its smallest size. The count is wrong or the input was cut off. Nothing was allocated for it.',
  },
  'count-mismatch': {
    title: 'An array does not have the length that its count says',
    text: 'While encoding, an array held another number of elements than the field that counts it, or than its fixed length. Change either, or declare the count as derived so that encode computes it.',
  },
  'derived-mismatch': {
    title: 'A derived field does not hold what it has to',
    text: 'The field follows from other data (a count, a size, a checksum), and what was found is not what follows. The data is damaged, or was written by something that computes the field otherwise.',
  },
  'version-unknown': {
    title: 'No layout is known for this version',
    text: 'A field that chooses between layouts has a value for which none is declared.',
  },
  'reference-missing': {
    title: 'A field or parameter that decides the layout is not there',
    text: 'The length of an array, the member of a union or a version comes from another field or from a parameter, and it was not given (a parameter), is absent (an optional field), or lies in memory that is not at hand (behind a pointer).',
  },
  'size-not-fixed': {
    title: 'The size of the type depends on its value',
    text: 'Something was asked for that only a type of fixed size has: its sizeof, or views, columns or records of an array of it. The type has a part whose length is told by another field, or that may be absent. `sizeIn` finds the size of a value in data.',
  },
  'value-missing': {
    title: 'A field was left out',
    text: 'While encoding, a field that is not derived had no value.',
  },
  'value-unknown': {
    title: 'There is no such field',
    text: 'While encoding, a value had a key that the schema does not know. It would be lost without a word; remove it or correct its name.',
  },
  'value-type': {
    title: 'A value is of the wrong type',
    text: 'While encoding, a field held something that cannot become its bytes: a string for an integer, a fraction, an object for an array. Or what was to be decoded is no ArrayBuffer or view of one, or its buffer was transferred to another thread.',
  },
  'value-range': {
    title: 'A value does not fit its field',
    text: 'While encoding, an integer was outside of what the field’s width and sign can hold, a text was longer than its array, or bytes were more or fewer than the field has.',
  },
  'union-member': {
    title: 'A union value does not name one member',
    text: 'While encoding, the value of a union had no member, a member that the union does not have, or another one than its tag asks for.',
  },
  'union-conflict': {
    title: 'The members of a union contradict each other',
    text: 'While encoding, a union value gave several members whose bytes differ where they overlap. Leave only the member that is meant.',
  },
  'not-canonical': {
    title: 'Bytes outside the value cannot be kept',
    text: 'A text or a number decoded on its own has bytes beside it (after the NUL, or at the end of its block) that are not zero, and a string or a number has no place to keep them. Decode it as a field of a struct, which keeps them, or as bytes.',
  },
  'slack-mismatch': {
    title: 'Kept bytes do not fit where they belong',
    text: 'The padding, reserved bits or tail bytes that travel beside a value name a place that its struct does not have, or are of the wrong length.',
  },
  'negotiation-failed': {
    title: 'The ABI cannot be found in the data',
    text: 'A probe found a value that decides nothing: a magic number that is right in neither byte order, or a size that is not among the allowed ones. The explanation lists every probe up to the one that failed.',
  },
  'foreign-failed': {
    title: 'A type of another library failed',
    text: 'A foreign type inside the schema threw an error of its own, which is the cause, or gave something that cannot be: a size that is no size, or no bytes.',
  },
  'interop-unsupported': {
    title: 'The other library cannot express this type',
    text: 'A schema was to be turned into a type of binary-parser or restructure, and has a part that the library has no means for. The path says which part, and the reason why. `unsupportedIn` lists all such parts; the adapters that go through carryover’s own codec take every schema.',
  },
  'path-unknown': {
    title: 'There is nothing at that path',
    text: 'The path names a field or an element that the value does not have. Paths are field names joined by dots, with [n] for elements: `flows[0].side[1].oport`.',
  },
} as const satisfies Record<string, { title: string; text: string }>;

export type Code = keyof typeof CODES;

/** What a check of bytes finds that decode lets pass, in the same form. */
export const CHECK_CODES = {
  'reserved-not-zero': {
    title: 'A reserved field is not zero',
    text: 'The declaration says that the field must be zero. Decode keeps what it holds, and encode writes it back; a receiver that checks the field refuses the data, and a later version may give the bits a meaning that the writer did not intend.',
  },
  'padding-not-zero': {
    title: 'Padding is not zero',
    text: 'Bytes that the compiler leaves between or after the members hold something. Receivers ignore them, but they may leak memory of the writer, and two encodings of one value differ. `canonical` clears them.',
  },
  'tail-not-zero': {
    title: 'Bytes that the value does not use are not zero',
    text: 'After the NUL of a text, after the member of a union or at the end of a block there is something. Receivers ignore it; it is what was in the buffer before, or the declaration misses something there. `canonical` clears it.',
  },
  'enum-unknown': {
    title: 'An enum has a value without a name',
    text: 'The declaration of the enum has no member of this value. The data is of a later version than the declaration, or damaged, or the layout is another one.',
  },
  'flags-unknown': {
    title: 'Flags are set that have no name',
    text: 'The declaration of the flags does not know some of the bits that are set. The data is of a later version than the declaration, or damaged, or the layout is another one.',
  },
} as const satisfies Record<string, { title: string; text: string }>;

export type CheckCode = keyof typeof CHECK_CODES;
/** Every code there is an explanation for. */
export type AnyCode = Code | CheckCode;
