/**
 * The record of a flow, ready to be used many times: a stream has up to 131,071 of them. Here it is
 * interpreted; the build puts generated code that does the same in the place of this module
 * (`scripts/precompile.js`), which needs no eval either.
 */
import { ABI } from '../../codec/abi.js';
import { type Compiled, interpreted } from '../../codec/compiled.js';
import { TcpTapTransfer } from './schema.js';

/** `tcp_tap_transfer` as a little-endian machine writes it. */
export const flowRecordLittle: Compiled<typeof TcpTapTransfer> = /* @__PURE__ */ interpreted(
  TcpTapTransfer,
  ABI.x86_64,
);
/** `tcp_tap_transfer` as a big-endian machine writes it. */
export const flowRecordBig: Compiled<typeof TcpTapTransfer> = /* @__PURE__ */ interpreted(
  TcpTapTransfer,
  ABI.s390x,
);
