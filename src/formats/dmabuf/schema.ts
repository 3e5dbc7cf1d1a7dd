/** What the file of a DMA buffer hands over: which device exported it, and nothing more so far. Packed. */
import { hex, struct, u16, u32 } from '../../codec/index.js';

export const DmabufSer = struct('dmabuf_ser', { domain: hex(u32), bdf: hex(u16) }, { packed: true });
