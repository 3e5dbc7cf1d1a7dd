/**
 * Cold start: a fresh process that imports a library, builds the schema of a 48-byte record and
 * decodes one. Timed inside the process, from before the import; the whole process is shown beside it.
 */

/** @type {import('../types.d.ts').Work} */
export const work = {
  file: 'cold',
  groups: [
    {
      id: 'cold-start',
      title: 'fresh process: import, build a schema, first decode',
      unit: 'start',
      kind: 'process',
      reference: 'binary-parser',
      contenders: [
        { label: 'hand-written', file: 'cold-hand', task: 'cold' },
        {
          label: 'carryover',
          file: 'carryover-cold',
          task: 'interpreter',
          bars: [{ vs: 'binary-parser', max: 1 }],
        },
        {
          label: 'carryover with jit',
          file: 'carryover-cold',
          task: 'jit',
          bars: [{ vs: 'binary-parser', max: 1 }],
        },
        { label: 'binary-parser', file: 'cold-binary-parser', task: 'cold' },
        { label: 'kaitai', file: 'cold-kaitai', task: 'cold' },
        { label: 'restructure', file: 'cold-restructure', task: 'cold' },
      ],
    },
  ],
};
