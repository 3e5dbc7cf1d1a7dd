/**
 * W1 by hand: what an engineer who cares writes. One function per shape and meaning of u64, the loop
 * inside, one literal with all the fields.
 *
 * @typedef {import('../works/records.mjs').RecordData} RecordData
 * @typedef {(d: DataView, p: number, n: number) => unknown[]} DecodeArray
 */
import { plainRecords, SIZE } from '../works/records.mjs';

/** @param {DataView} d @param {number} p */
const u64 = (d, p) => d.getUint32(p + 4, true) * 4294967296 + d.getUint32(p, true);

/** @type {DecodeArray[]} */
const bigints = [
  function device_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        ref_count: d.getUint32(p, true),
        flags: d.getUint32(p + 4, true),
        devid: d.getUint32(p + 8, true),
        pci_domain_nr: d.getUint32(p + 12, true),
        token: d.getBigUint64(p + 16, true),
        domain_phys: d.getBigUint64(p + 24, true),
        iommu_phys: d.getBigUint64(p + 32, true),
        pasid_table: d.getBigUint64(p + 40, true),
      };
    }
    return out;
  },
  function domain_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        top_table_phys: d.getBigUint64(p, true),
        top_level: d.getBigUint64(p + 8, true),
        ref_count: d.getUint32(p + 16, true),
        flags: d.getUint32(p + 20, true),
        vasz: d.getUint32(p + 24, true),
        sign_extend: d.getUint32(p + 28, true),
        attach_count: d.getBigUint64(p + 32, true),
        restored: d.getBigUint64(p + 40, true),
      };
    }
    return out;
  },
  function hw_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        ref_count: d.getUint32(p, true),
        deleted: d.getUint32(p + 4, true),
        token: d.getBigUint64(p + 8, true),
        phys_addr: d.getBigUint64(p + 16, true),
        root_table: d.getBigUint64(p + 24, true),
        context_bitmap: d.getBigUint64(p + 32, true),
        type: d.getUint32(p + 40, true),
        restored: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function file_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        token: d.getBigUint64(p, true),
        data: d.getBigUint64(p + 8, true),
        state: d.getUint32(p + 16, true),
        kind: d.getUint32(p + 20, true),
        count: d.getBigUint64(p + 24, true),
        serial: d.getBigUint64(p + 32, true),
        mode: d.getUint32(p + 40, true),
        owner: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function session_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        files_phys: d.getBigUint64(p, true),
        nr_files: d.getUint32(p + 8, true),
        state: d.getUint32(p + 12, true),
        name_phys: d.getBigUint64(p + 16, true),
        next_phys: d.getBigUint64(p + 24, true),
        user: d.getUint32(p + 32, true),
        group: d.getUint32(p + 36, true),
        created: d.getBigUint64(p + 40, true),
      };
    }
    return out;
  },
  function memfd_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        pos: d.getBigUint64(p, true),
        size: d.getBigUint64(p + 8, true),
        folios_phys: d.getBigUint64(p + 16, true),
        nr_folios: d.getBigUint64(p + 24, true),
        seals: d.getUint32(p + 32, true),
        fd_flags: d.getUint32(p + 36, true),
        mode: d.getUint32(p + 40, true),
        pad: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function vcpu_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        id: d.getUint32(p, true),
        apic: d.getBigUint64(p + 4, true),
        state: d.getUint32(p + 12, true),
        rip: d.getBigUint64(p + 16, true),
        rsp: d.getBigUint64(p + 24, true),
        cpuid_count: d.getUint32(p + 32, true),
        msr_count: d.getUint32(p + 36, true),
        xsave_phys: d.getBigUint64(p + 40, true),
      };
    }
    return out;
  },
  function block_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        next_phys: d.getBigUint64(p, true),
        index: d.getUint32(p + 8, true),
        nr_entries: d.getUint32(p + 12, true),
        first: d.getBigUint64(p + 16, true),
        last: d.getBigUint64(p + 24, true),
        used: d.getBigUint64(p + 32, true),
        order: d.getUint32(p + 40, true),
        zone: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
];

/** @type {DecodeArray[]} */
const numbers = [
  function device_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        ref_count: d.getUint32(p, true),
        flags: d.getUint32(p + 4, true),
        devid: d.getUint32(p + 8, true),
        pci_domain_nr: d.getUint32(p + 12, true),
        token: u64(d, p + 16),
        domain_phys: u64(d, p + 24),
        iommu_phys: u64(d, p + 32),
        pasid_table: u64(d, p + 40),
      };
    }
    return out;
  },
  function domain_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        top_table_phys: u64(d, p),
        top_level: u64(d, p + 8),
        ref_count: d.getUint32(p + 16, true),
        flags: d.getUint32(p + 20, true),
        vasz: d.getUint32(p + 24, true),
        sign_extend: d.getUint32(p + 28, true),
        attach_count: u64(d, p + 32),
        restored: u64(d, p + 40),
      };
    }
    return out;
  },
  function hw_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        ref_count: d.getUint32(p, true),
        deleted: d.getUint32(p + 4, true),
        token: u64(d, p + 8),
        phys_addr: u64(d, p + 16),
        root_table: u64(d, p + 24),
        context_bitmap: u64(d, p + 32),
        type: d.getUint32(p + 40, true),
        restored: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function file_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        token: u64(d, p),
        data: u64(d, p + 8),
        state: d.getUint32(p + 16, true),
        kind: d.getUint32(p + 20, true),
        count: u64(d, p + 24),
        serial: u64(d, p + 32),
        mode: d.getUint32(p + 40, true),
        owner: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function session_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        files_phys: u64(d, p),
        nr_files: d.getUint32(p + 8, true),
        state: d.getUint32(p + 12, true),
        name_phys: u64(d, p + 16),
        next_phys: u64(d, p + 24),
        user: d.getUint32(p + 32, true),
        group: d.getUint32(p + 36, true),
        created: u64(d, p + 40),
      };
    }
    return out;
  },
  function memfd_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        pos: u64(d, p),
        size: u64(d, p + 8),
        folios_phys: u64(d, p + 16),
        nr_folios: u64(d, p + 24),
        seals: d.getUint32(p + 32, true),
        fd_flags: d.getUint32(p + 36, true),
        mode: d.getUint32(p + 40, true),
        pad: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
  function vcpu_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        id: d.getUint32(p, true),
        apic: u64(d, p + 4),
        state: d.getUint32(p + 12, true),
        rip: u64(d, p + 16),
        rsp: u64(d, p + 24),
        cpuid_count: d.getUint32(p + 32, true),
        msr_count: d.getUint32(p + 36, true),
        xsave_phys: u64(d, p + 40),
      };
    }
    return out;
  },
  function block_ser(d, p, n) {
    const out = new Array(n);
    for (let i = 0; i < n; i++, p += SIZE) {
      out[i] = {
        next_phys: u64(d, p),
        index: d.getUint32(p + 8, true),
        nr_entries: d.getUint32(p + 12, true),
        first: u64(d, p + 16),
        last: u64(d, p + 24),
        used: u64(d, p + 32),
        order: d.getUint32(p + 40, true),
        zone: d.getUint32(p + 44, true),
      };
    }
    return out;
  },
];

/** @param {DataView} d @param {number} p */
function decodeOne(d, p) {
  return {
    ref_count: d.getUint32(p, true),
    flags: d.getUint32(p + 4, true),
    devid: d.getUint32(p + 8, true),
    pci_domain_nr: d.getUint32(p + 12, true),
    token: d.getBigUint64(p + 16, true),
    domain_phys: d.getBigUint64(p + 24, true),
    iommu_phys: d.getBigUint64(p + 32, true),
    pasid_table: d.getBigUint64(p + 40, true),
  };
}

/** @param {DataView} d @param {any[]} values */
function encodeBigints(d, values) {
  for (let i = 0, p = 0; i < values.length; i++, p += SIZE) {
    const v = values[i];
    d.setUint32(p, v.ref_count, true);
    d.setUint32(p + 4, v.flags, true);
    d.setUint32(p + 8, v.devid, true);
    d.setUint32(p + 12, v.pci_domain_nr, true);
    d.setBigUint64(p + 16, v.token, true);
    d.setBigUint64(p + 24, v.domain_phys, true);
    d.setBigUint64(p + 32, v.iommu_phys, true);
    d.setBigUint64(p + 40, v.pasid_table, true);
  }
}

/** @param {DataView} d @param {number} p @param {number} v */
function setU64(d, p, v) {
  d.setUint32(p, v, true);
  d.setUint32(p + 4, v / 4294967296, true);
}

/** @param {DataView} d @param {any[]} values */
function encodeNumbers(d, values) {
  for (let i = 0, p = 0; i < values.length; i++, p += SIZE) {
    const v = values[i];
    d.setUint32(p, v.ref_count, true);
    d.setUint32(p + 4, v.flags, true);
    d.setUint32(p + 8, v.devid, true);
    d.setUint32(p + 12, v.pci_domain_nr, true);
    setU64(d, p + 16, v.token);
    setU64(d, p + 24, v.domain_phys);
    setU64(d, p + 32, v.iommu_phys);
    setU64(d, p + 40, v.pasid_table);
  }
}

/** @param {string} name @param {unknown} value @returns {never} */
function outOfRange(name, value) {
  throw new RangeError(`${name}: ${value} is out of range`);
}

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);

/**
 * A u64 goes through a scratch, because Node 20 and 22 do not inline setBigUint64. Little-endian hosts only.
 * @param {DataView} d @param {any[]} values
 */
function encodeCheckedBigints(d, values) {
  for (let i = 0, p = 0; i < values.length; i++, p += SIZE) {
    const v = values[i];
    const ref_count = v.ref_count;
    if (ref_count >>> 0 !== ref_count) outOfRange('ref_count', ref_count);
    d.setUint32(p, ref_count, true);
    const flags = v.flags;
    if (flags >>> 0 !== flags) outOfRange('flags', flags);
    d.setUint32(p + 4, flags, true);
    const devid = v.devid;
    if (devid >>> 0 !== devid) outOfRange('devid', devid);
    d.setUint32(p + 8, devid, true);
    const pci_domain_nr = v.pci_domain_nr;
    if (pci_domain_nr >>> 0 !== pci_domain_nr) outOfRange('pci_domain_nr', pci_domain_nr);
    d.setUint32(p + 12, pci_domain_nr, true);
    const token = v.token;
    if (BigInt.asUintN(64, token) !== token) outOfRange('token', token);
    wide[0] = token;
    d.setUint32(p + 16, halves[0], true);
    d.setUint32(p + 20, halves[1], true);
    const domain_phys = v.domain_phys;
    if (BigInt.asUintN(64, domain_phys) !== domain_phys) outOfRange('domain_phys', domain_phys);
    wide[0] = domain_phys;
    d.setUint32(p + 24, halves[0], true);
    d.setUint32(p + 28, halves[1], true);
    const iommu_phys = v.iommu_phys;
    if (BigInt.asUintN(64, iommu_phys) !== iommu_phys) outOfRange('iommu_phys', iommu_phys);
    wide[0] = iommu_phys;
    d.setUint32(p + 32, halves[0], true);
    d.setUint32(p + 36, halves[1], true);
    const pasid_table = v.pasid_table;
    if (BigInt.asUintN(64, pasid_table) !== pasid_table) outOfRange('pasid_table', pasid_table);
    wide[0] = pasid_table;
    d.setUint32(p + 40, halves[0], true);
    d.setUint32(p + 44, halves[1], true);
  }
}

const MAX = Number.MAX_SAFE_INTEGER;

/** @param {DataView} d @param {any[]} values */
function encodeCheckedNumbers(d, values) {
  for (let i = 0, p = 0; i < values.length; i++, p += SIZE) {
    const v = values[i];
    const ref_count = v.ref_count;
    if (ref_count >>> 0 !== ref_count) outOfRange('ref_count', ref_count);
    d.setUint32(p, ref_count, true);
    const flags = v.flags;
    if (flags >>> 0 !== flags) outOfRange('flags', flags);
    d.setUint32(p + 4, flags, true);
    const devid = v.devid;
    if (devid >>> 0 !== devid) outOfRange('devid', devid);
    d.setUint32(p + 8, devid, true);
    const pci_domain_nr = v.pci_domain_nr;
    if (pci_domain_nr >>> 0 !== pci_domain_nr) outOfRange('pci_domain_nr', pci_domain_nr);
    d.setUint32(p + 12, pci_domain_nr, true);
    const token = v.token;
    if (!(token >= 0 && token <= MAX && Math.floor(token) === token)) outOfRange('token', token);
    d.setUint32(p + 16, token, true);
    d.setUint32(p + 20, token / 4294967296, true);
    const domain_phys = v.domain_phys;
    if (!(domain_phys >= 0 && domain_phys <= MAX && Math.floor(domain_phys) === domain_phys))
      outOfRange('domain_phys', domain_phys);
    d.setUint32(p + 24, domain_phys, true);
    d.setUint32(p + 28, domain_phys / 4294967296, true);
    const iommu_phys = v.iommu_phys;
    if (!(iommu_phys >= 0 && iommu_phys <= MAX && Math.floor(iommu_phys) === iommu_phys))
      outOfRange('iommu_phys', iommu_phys);
    d.setUint32(p + 32, iommu_phys, true);
    d.setUint32(p + 36, iommu_phys / 4294967296, true);
    const pasid_table = v.pasid_table;
    if (!(pasid_table >= 0 && pasid_table <= MAX && Math.floor(pasid_table) === pasid_table))
      outOfRange('pasid_table', pasid_table);
    d.setUint32(p + 40, pasid_table, true);
    d.setUint32(p + 44, pasid_table / 4294967296, true);
  }
}

/** @param {number} n */
const newColumns = (n) => ({
  ref_count: new Uint32Array(n),
  flags: new Uint32Array(n),
  devid: new Uint32Array(n),
  pci_domain_nr: new Uint32Array(n),
  token: new BigUint64Array(n),
  domain_phys: new BigUint64Array(n),
  iommu_phys: new BigUint64Array(n),
  pasid_table: new BigUint64Array(n),
});

/** One pass through aliases of the bytes; they are aligned here, and the host is little-endian.
 * @param {Uint8Array} bytes @param {number} n @param {ReturnType<typeof newColumns>} out */
function fillColumns(bytes, n, out) {
  const w = new Uint32Array(bytes.buffer, bytes.byteOffset, n * 12);
  const q = new BigUint64Array(bytes.buffer, bytes.byteOffset, n * 6);
  const { ref_count, flags, devid, pci_domain_nr, token, domain_phys, iommu_phys, pasid_table } = out;
  for (let i = 0, a = 0, b = 0; i < n; i++, a += 12, b += 6) {
    ref_count[i] = w[a];
    flags[i] = w[a + 1];
    devid[i] = w[a + 2];
    pci_domain_nr[i] = w[a + 3];
    token[i] = q[b + 2];
    domain_phys[i] = q[b + 3];
    iommu_phys[i] = q[b + 4];
    pasid_table[i] = q[b + 5];
  }
  return out;
}

/** @param {(d: DataView, values: any[]) => void} write @returns {(data: RecordData) => object} */
const encoder =
  (write) =>
  ({ sets: [set], mode, batch }) => {
    const values = plainRecords(set, mode);
    const batches = set.batches.map((_, b) => values.slice(b * batch, (b + 1) * batch));
    const out = new Uint8Array(batch * SIZE);
    const view = new DataView(out.buffer);
    return {
      encode(/** @type {number} */ b) {
        write(view, batches[b]);
        return out;
      },
    };
  };

export const tasks = {
  decode({ sets, mode, batch }) {
    const views = sets.map((set) => new DataView(set.bytes.buffer));
    const decoders = mode === 'bigint' ? bigints : numbers;
    return { batch: (s, b) => decoders[s](views[s], b * batch * SIZE, batch) };
  },
  single({ sets: [set] }) {
    const view = new DataView(set.bytes.buffer);
    return { one: (at) => decodeOne(view, at) };
  },
  singleFresh({ sets: [{ bytes }] }) {
    return {
      one(at) {
        const message = bytes.subarray(at, at + SIZE);
        return decodeOne(new DataView(message.buffer, message.byteOffset, message.byteLength), 0);
      },
    };
  },
  field({ sets: [set] }) {
    const view = new DataView(set.bytes.buffer);
    return {
      sum() {
        let sum = 0;
        for (let i = 0; i < set.count; i++) sum = (sum + view.getUint32(i * SIZE + 4, true)) | 0;
        return sum;
      },
    };
  },
  columns({ sets: [set] }) {
    const out = newColumns(set.count);
    return { fill: () => fillColumns(set.bytes, set.count, out) };
  },
  columnsFresh({ sets: [set] }) {
    return { fill: () => fillColumns(set.bytes, set.count, newColumns(set.count)) };
  },
  encode: (data) => encoder(data.mode === 'bigint' ? encodeBigints : encodeNumbers)(data),
  encodeChecked: (data) =>
    encoder(data.mode === 'bigint' ? encodeCheckedBigints : encodeCheckedNumbers)(data),
};
