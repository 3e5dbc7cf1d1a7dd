/**
 * docs/specs.md shows what is: its specs build soundly, its commands run, its tables are those of the shapes.
 * `UPDATE=1 npx vitest run test/build/docs.test.ts` writes the tables anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOCUMENT_KINDS, type Table, tablesMarkdown, tablesOf } from '../../src/build/index.js';
import { makeShell } from '../cli/shell.js';
import { fencedBlocks } from '../examples.js';

const file = new URL('../../docs/specs.md', import.meta.url);
const text = readFileSync(file, 'utf8');
const MARK = '<!-- what follows is written by test/build/docs.test.ts -->\n';

function tables(): string {
  const told = new Map<string, Table>();
  for (const { shape } of [DOCUMENT_KINDS.handover, DOCUMENT_KINDS.passt])
    for (const table of tablesOf(shape)) if (!told.has(table.name)) told.set(table.name, table);
  return `\n${tablesMarkdown([...told.values()])}`;
}

describe('docs/specs.md', () => {
  const specs = fencedBlocks('docs/specs.md', text, 'yaml');
  it('has examples', () => expect(specs.length).toBeGreaterThan(4));

  it.each(specs.map((spec) => [spec.where, spec.code] as const))(
    'builds %s, without errors',
    async (_, code) => {
      const shell = await makeShell();
      shell.files.set('spec.yaml', new TextEncoder().encode(code));
      const name = code.startsWith('passt') ? 'out.bin' : 'out.elf';
      expect(await shell.line(`carryover build spec.yaml -o ${name}`)).toMatchObject({ err: '', exit: 0 });
      const check = await shell.line(`carryover check ${name} --json`);
      expect(new TextDecoder().decode(check.out)).not.toMatch(/"severity": "error"/);
      const spec = await shell.line(`carryover decode --spec ${name}`);
      expect(spec).toMatchObject({ err: '', exit: 0 });
      shell.files.set('again.yaml', spec.out);
      await shell.line(`carryover build again.yaml -o again${name.slice(3)}`);
      const diff = await shell.line(`carryover diff ${name} again${name.slice(3)}`);
      expect(diff).toMatchObject({ exit: 0 });
    },
  );

  it('has commands that run', async () => {
    const shell = await makeShell();
    shell.files.set('vm.yaml', new TextEncoder().encode(specs[0]?.code ?? ''));
    const lines = fencedBlocks('docs/specs.md', text, 'console').flatMap(({ code }) =>
      code.trim().split('\n'),
    );
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect((await shell.line(line.slice(2))).err, line).toBe('');
  });

  it('lists all keys', () => {
    const now = text.slice(0, text.indexOf(MARK) + MARK.length) + tables();
    if (process.env.UPDATE === '1') writeFileSync(file, now);
    else expect(now).toBe(text);
  });
  it('lists them as build --keys does', async () => {
    const { out } = await (await makeShell()).line('carryover build --keys');
    const keys = new TextDecoder().decode(out);
    for (const [, name] of text.matchAll(/^### (.*)$/gm)) expect(keys).toContain(`${name}: `);
  });
});
