/** The FLBs of the kernel's live-update test (CONFIG_LIVEUPDATE_TEST, 7.0 on). */
import type { FlbDecoder } from '../kho/extension.js';
import type { Meaning } from '../meaning.js';

/** The data of the nth one is this plus n. */
export const TEST_FLB_DATA = 0xfeedf00dcafebee0n;

export interface TestFlb {
  /** Which of the three it is. */
  readonly number: number;
  /** Whether the data is what that one writes. */
  readonly sound: boolean;
}

/** The data is compared itself. */
const MEANING: Meaning = { is: 'derived' };

export const testFlb: FlbDecoder = Object.freeze({
  name: 'liveupdate-test-flb-v*',
  key: 'test',
  word: 'value',
  meaning: MEANING,
  decode: (data: bigint): TestFlb | undefined => {
    const number = data - TEST_FLB_DATA;
    const isOne = number >= 0n && number < 16n;
    return { number: isOne ? Number(number) : -1, sound: isOne };
  },
});
