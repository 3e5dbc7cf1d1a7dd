/** Whatever is in an input, every verb ends, with a screen or with an error, and never with a bug. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeShell } from './shell.js';

const shell = await makeShell();
const verbs = ['decode', 'decode --json --full --names', 'check', 'hexdump', 'hexdump --at header'];

describe('damaged input', () => {
  const captures = ['v1-inbound-est-rcvq22.bin', 'v2-two-flows-v4-v6.bin'];
  for (const name of captures) {
    it(`${name} cut off anywhere`, async () => {
      const whole = new Uint8Array(await readFile(new URL(`../../fixtures/passt/${name}`, import.meta.url)));
      for (let length = 0; length < whole.length; length += 5)
        await survives(whole.subarray(0, length), `${length} bytes`);
    });
    it(`${name} with any byte changed`, async () => {
      const whole = new Uint8Array(await readFile(new URL(`../../fixtures/passt/${name}`, import.meta.url)));
      for (let at = 0; at < whole.length; at += 7)
        for (const value of [0, 0xff]) {
          const bytes = whole.slice();
          bytes[at] = value;
          await survives(bytes, `byte ${at} is ${value}`);
        }
    });
  }
  it('a draft with any byte of its fields changed', async () => {
    const draft = shell.files.get('draft.bin') ?? new Uint8Array();
    for (let at = 0; at < 32; at++)
      for (const value of [0, 1, 0x80, 0xff]) {
        const bytes = draft.slice();
        bytes[at] = value;
        await survives(bytes, `byte ${at} is ${value}`);
      }
  });
});

async function survives(bytes: Uint8Array, what: string): Promise<void> {
  shell.files.set('x.bin', bytes);
  shell.files.delete('y.bin');
  for (const verb of verbs) {
    const { exit, err } = await shell.line(`carryover ${verb} x.bin`);
    expect(exit, `${verb}: ${what}: ${err}`).toBeLessThan(3);
  }
  const json = await shell.line('carryover decode --json x.bin | carryover encode - -o y.bin');
  if (json.exit === 0)
    expect(Buffer.compare(shell.files.get('y.bin') ?? new Uint8Array(), bytes), what).toBe(0);
  // What cannot be given back is refused with a reason, and nothing is written.
  else
    expect([shell.files.has('y.bin'), json.err], what).toEqual([
      false,
      expect.stringContaining('carryover: '),
    ]);
}
