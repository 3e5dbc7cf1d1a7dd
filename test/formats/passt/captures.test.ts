import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { passt } from '../../../src/formats/passt/index.js';
import { inany, ipv6, mac } from '../../../src/formats/text-forms.js';
import { again, CAPTURES, capture, read } from './streams.js';

describe.each(CAPTURES)('%s', (name) => {
  const bytes = capture(name);
  it('is recognised for certain, as the version that it is', () => {
    const recognised = passt.recognise(bytes);
    expect(recognised?.generation).toBe(name.slice(0, 2));
    expect(recognised?.confidence).toBe(1);
  });
  it('decodes without a problem, and nothing is wrong with it', () => {
    const { problems, findings, size } = read(bytes);
    expect(problems).toEqual([]);
    expect(size).toBe(bytes.length);
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
  });
  it('is resumed by the release that it is for, every flow of it', () => {
    const lines = passt.verdict?.(undefined, read(bytes).reading, bytes) ?? [];
    const count = bytes[61];
    expect(lines[0]).toContain(
      count === 0 ? 'answers 0x0' : `answers 0x0: ${count} flow${count === 1 ? '' : 's'} resumed`,
    );
  });
  it('encodes to the same bytes', () => {
    expect(Buffer.compare(again(bytes), bytes)).toBe(0);
  });
  it('has little-endian ports, by evidence', () => {
    const { reading } = read(bytes);
    expect(reading.abi?.endian).toBe('little');
    if (name !== 'v2-zero-flows')
      expect(reading.because.at(-1)).toMatch(
        name.startsWith('v1') ? /MSS of version 1/ : /clearly more like/,
      );
  });
});

it('the log of the capture of 2026-10-02 says what is decoded', () => {
  const log = readFileSync(
    new URL('../../../fixtures/passt/v2-20261002-two-flows-rcvq3000.log', import.meta.url),
    'utf8',
  );
  const { shown } = read(capture('v2-20261002-two-flows-rcvq3000'));
  expect(shown.flow_count).toBe(Number(/Sending (\d+) flows/.exec(log)?.[1]));
  const numbers = (pattern: RegExp): number[][] =>
    [...log.matchAll(pattern)].map((match) => match.slice(1).map(Number));
  const { flows } = shown;
  const pick = (...names: string[]) => flows.map(({ ext }) => names.map((name) => ext[name]));
  expect(pick('seq_snd', 'seq_rcv')).toEqual(numbers(/sequences send (\d+) receive (\d+)/g));
  expect(pick('sndq', 'notsent', 'rcvq')).toEqual(
    numbers(/pending queues: send (\d+) not sent (\d+) receive (\d+)/g),
  );
  expect(pick('snd_wl1', 'snd_wnd', 'max_window', 'rcv_wnd', 'rcv_wup')).toEqual(
    numbers(/window: snd_wl1 (\d+) snd_wnd (\d+) max (\d+) rcv_wnd (\d+) rcv_wup (\d+)/g),
  );
  expect(flows.map(({ send_queue, receive_queue }) => [send_queue.length, receive_queue.length])).toEqual([
    [0, 3000],
    [0, 0],
  ]);
  // The ports that the guest connected to.
  expect(flows.map(({ side }) => side[0].oport)).toEqual([7778, 7777]);
  expect(mac.print(shown.addresses.mac)).toBe('52:54:00:12:34:56');
});

it('a guest-initiated flow has the values that its makers wrote down', () => {
  const { shown } = read(capture('v2-outbound-est'));
  expect(ipv6.print(shown.addresses.addr6)).toBe('2001:db8::2');
  const [flow] = shown.flows;
  expect(flow.pif).toEqual([2, 1]);
  const [tap, host] = flow.side;
  expect([inany.print(tap.oaddr), tap.oport, inany.print(tap.eaddr), tap.eport]).toEqual([
    '198.51.100.9',
    7777,
    '192.0.2.2',
    40000,
  ]);
  expect([inany.print(host.oaddr), host.oport, inany.print(host.eaddr), host.eport]).toEqual([
    '192.0.2.2',
    39740,
    '198.51.100.9',
    7777,
  ]);
  expect(flow).toMatchObject({
    retries: 0,
    ws_from_tap: 7,
    ws_to_tap: 8,
    events: 4,
    tap_mss: 1460,
    sndbuf: 270,
    flags: 0,
    seq_dup_ack_approx: 0,
    wnd_from_tap: 500,
    wnd_to_tap: 256,
    seq_to_tap: 0x1c8f2c7c,
    seq_ack_from_tap: 0x1c8f2c7c,
    seq_from_tap: 5001,
    seq_ack_to_tap: 5001,
    seq_init_from_tap: 5000,
  });
  expect(flow.ext).toEqual({
    seq_snd: 0x7433fe91,
    seq_rcv: 0xaf19031a,
    sndq: 0,
    notsent: 0,
    rcvq: 0,
    mss: 1460,
    timestamp: 0x3d83a10c,
    snd_wl1: 0xaf190317,
    snd_wnd: 65536,
    max_window: 65536,
    rcv_wnd: 64512,
    rcv_wup: 0xaf19031a,
    snd_ws: 10,
    rcv_ws: 10,
    tcpi_state: 1,
    tcpi_options: 7,
  });
});

it('version 1 has its MSS in host order and no timestamp', () => {
  const { shown } = read(capture('v1-inbound-est-rcvq22'));
  expect(shown.flows[0].ext).toMatchObject({
    mss: 1460,
    rcvq: 22,
    max_window: 2920,
    rcv_wnd: 65536,
    rcv_wup: 0x07930d0a,
  });
  expect(shown.flows[0].ext).not.toHaveProperty('timestamp');
  expect(Buffer.from(shown.flows[0].receive_queue).toString()).toBe('hello from remote peer');
});

it('states, queues and the byte that passt loses after a FIN', () => {
  expect(read(capture('v2-inbound-closewait-rcvq21')).shown.flows[0].ext).toMatchObject({
    tcpi_state: 8,
    rcvq: 21,
  });
  expect(read(capture('v2-inbound-finwait2')).shown.flows[0].ext.tcpi_state).toBe(5);
  expect(read(capture('v2-inbound-closed-state7')).shown.flows[0]).toMatchObject({
    events: 0x7c,
    ext: { tcpi_state: 7 },
  });
  const unsent = read(capture('v2-inbound-sndq46080')).shown.flows[0];
  expect(unsent.ext).toMatchObject({ sndq: 46080, notsent: 46080 });
  expect([...unsent.send_queue.subarray(0, 4)]).toEqual([0, 1, 2, 3]);
  expect(
    read(capture('v2-two-flows-v4-v6')).shown.flows.map(({ side }) => inany.print(side[0].oaddr)),
  ).toEqual(['192.0.2.2', '2001:db8::2']);
});
