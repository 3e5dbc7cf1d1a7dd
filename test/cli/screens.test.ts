/**
 * Command lines and the screens they give, as files in `screens/`. `UPDATE=1 npx vitest run test/cli` writes
 * the screens anew; read what changed before believing it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeShell } from './shell.js';

const folder = new URL('./screens/', import.meta.url);

describe('screens', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt')))
    it(name.replace(/\.txt$/, ''), async () => {
      const file = new URL(name, folder);
      const before = readFileSync(file, 'utf8');
      const after = await played(before);
      if (process.env.UPDATE === '1') writeFileSync(file, after);
      else expect(after).toBe(before);
    });
});

/** The file with what its command lines give now. Lines that begin with `#` are kept as they are. */
async function played(text: string): Promise<string> {
  const columns = /^# columns (\d+)$/m.exec(text)?.[1];
  const color = /^# color$/m.test(text);
  const shell = await makeShell({
    ...(columns === undefined ? {} : { columns: Number(columns) }),
    ...(color ? { env: { FORCE_COLOR: '1' } } : {}),
  });
  const lines = text.split('\n');
  const out = lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('$ ')),
  );
  for (const line of lines) {
    if (!line.startsWith('$ ')) continue;
    const { out: shown, err, exit } = await shell.line(line.slice(2));
    out.push(line);
    const screen = `${new TextDecoder().decode(shown)}${err}`.replaceAll('\u001b', '␛');
    if (screen !== '') out.push(screen.replace(/\n$/, ''));
    if (exit !== 0) out.push(`[exit ${exit}]`);
    out.push('');
  }
  return out.join('\n');
}
