/** Every rule of everything that is handed over, for `explain` and for lists. */
import { KEXEC_METADATA } from '../kexec-metadata/rules.js';
import { KHO_TEST } from '../kho-test/rules.js';
import { LUO } from '../luo/rules.js';
import { MEMBLOCK } from '../memblock/rules.js';
import { MEMFD } from '../memfd/rules.js';
import { DEBUGFS } from './debugfs.js';
import type { HandoverRule } from './findings.js';
import { RECEIVER } from './receiver.js';
import { KHO } from './rules.js';

export const HANDOVER_RULES: readonly HandoverRule[] = Object.freeze(
  [KHO, LUO, MEMFD, MEMBLOCK, KEXEC_METADATA, KHO_TEST, DEBUGFS, RECEIVER].flatMap((table): HandoverRule[] =>
    Object.values(table),
  ),
);
