import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { findRun, overlay } from '../../src/memory/overlay.js';

const pieces = fc.array(
  fc.record({ start: fc.integer({ min: 0, max: 40 }), size: fc.integer({ min: 0, max: 20 }) }),
  { maxLength: 12 },
);

test.prop([pieces, fc.func(fc.integer({ min: 0, max: 5 }))])(
  'of pieces that overlap, the one of the lowest rank is seen at each position',
  (list, rankOf) => {
    const given = list.map(({ start, size }, index) => ({
      start,
      end: start + size,
      rank: rankOf(index) * 100 + index,
    }));
    const runs = overlay<number, (typeof given)[number]>(given);
    for (let at = 0; at < 70; at++) {
      const covering = given.filter(({ start, end }) => start <= at && at < end);
      const best = covering.reduce<(typeof given)[number] | undefined>(
        (low, piece) => (low === undefined || piece.rank < low.rank ? piece : low),
        undefined,
      );
      const run = runs[findRun(runs, at)];
      expect(run !== undefined && at < run.end ? run.piece : undefined).toBe(best);
    }
    for (const [index, run] of runs.entries()) {
      const next = runs[index + 1];
      expect(run.start).toBeLessThan(run.end);
      if (next !== undefined) expect(run.end).toBeLessThanOrEqual(next.start);
    }
  },
);
