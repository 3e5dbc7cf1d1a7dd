/** What can be wrong with what somebody asks to be built, by stable code. */
export const BUILD_CODES = {
  'build-address': {
    title: 'Something cannot be at this address',
    text: 'Objects of a handover are whole pages: an address that is asked for has to be aligned to the page, to the order of the block and to what the generation demands, and has to lie below 2^52.',
  },
  'build-overlap': {
    title: 'Two things were asked to be at one place',
    text: 'The addresses that were given overlap each other or a scratch area, which the next kernel allocates from before it knows what is preserved.',
  },
  'build-full': {
    title: 'There is no room left',
    text: 'What is built does not fit below the end of the memory that was asked for, or into the page or the list that the generation has for it.',
  },
  'build-value': {
    title: 'A value cannot be built',
    text: 'A value has no place in the generation that is built, is too large for its field, or does not fit to another one.',
  },
  'spec-impossible': {
    title: 'This cannot be described as a spec',
    text: 'Specs describe what `carryover build` can build: handovers in a memory dump, and streams of passt whose layout is known. Of other inputs, `decode --json` and `encode` go there and back.',
  },
  'spec-syntax': {
    title: 'The spec is no YAML, and no JSON',
    text: 'Specs are YAML 1.2 in UTF-8, of which JSON is a part: one document, nested no deeper than a person would. The message says at which line and column it cannot be read.',
  },
  'spec-invalid': {
    title: 'The spec says something that specs do not say',
    text: 'A key is not known, is missing, or has a value of another kind. The message says at which line and column, and what is expected there; `carryover build --keys` and the JSON Schema list what there is.',
  },
} as const satisfies Record<string, { title: string; text: string }>;
export type BuildCode = keyof typeof BUILD_CODES;
