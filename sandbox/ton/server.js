'use strict';
// A TON chain on this machine: node server.js [--port N] [--store DIR] [--block-ms N | --manual | --auto] ...
//
//   --port N        loopback port, 0 takes a free one (default 8081)
//   --store DIR     keep everything in DIR and go on from there at the next start
//   --block-ms N    a block every N milliseconds (default 3000)
//   --manual        blocks only by POST /admin/mine
//   --auto          every message gets its blocks at once
//   --hops one      an internal message takes one block for each hop (default: all hops in one block)
//   --slim          the small network configuration: the same rules, faster execution
//   --tied          stop when standard input closes, so that no orphan outlives its parent
//
// Prints one JSON line when it is ready: {"event":"ready","port":...,"seqno":...}.

const { parseArgs } = require('node:util');
const { Chain } = require('./chain');
const { build } = require('./http_front');
const { Journal, NoJournal } = require('./journal');

const OPTIONS = {
    port: { type: 'string', default: '8081' },
    store: { type: 'string' },
    'block-ms': { type: 'string', default: '3000' },
    manual: { type: 'boolean', default: false },
    auto: { type: 'boolean', default: false },
    hops: { type: 'string', default: 'all' },
    slim: { type: 'boolean', default: false },
    tied: { type: 'boolean', default: false },
};

function say(line) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
}

function fail(error) {
    say({ event: 'failed', error: error.message });
    process.exit(1);
}

async function main() {
    const { values } = parseArgs({ options: OPTIONS });
    const blockMs = Number(values['block-ms']);
    if (!Number.isInteger(blockMs) || blockMs < 50) throw new Error('--block-ms must be a whole number of at least 50');
    if (!['all', 'one'].includes(values.hops)) throw new Error('--hops must be all or one');
    const journal = values.store ? new Journal(values.store) : new NoJournal();
    const chain = await Chain.open({ journal, config: values.slim ? 'slim' : 'default', hops: values.hops, auto: values.auto, fatal: fail });
    const { server, inTurn } = build({ chain });

    function stop() {
        clearInterval(timer);
        server.close();
        server.closeAllConnections();
        inTurn(() => journal.close()).then(() => process.exit(0));
    }
    const timer = values.manual || values.auto ? undefined : setInterval(() => inTurn(() => chain.mine()), blockMs);
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    if (values.tied) process.stdin.on('end', stop).resume();
    server.listen(Number(values.port), '127.0.0.1', () => say({ event: 'ready', port: server.address().port, seqno: chain.head.seqno }));
    server.once('error', fail);
}

main().catch(fail);
