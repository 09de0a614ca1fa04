'use strict';
// The chain's memory on disk: an append-only file of JSON lines, synced before anyone is told of what it says.

const fs = require('node:fs');
const path = require('node:path');

const FILE = 'journal.jsonl';

/** Reads the whole lines of a journal; a last line that a crash cut short never happened and is removed. */
function readLines(file) {
    const bytes = fs.readFileSync(file);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) fs.truncateSync(file, end);
    const lines = [];
    for (let from = 0; from < end; ) {
        const to = bytes.indexOf(0x0a, from);
        lines.push(JSON.parse(bytes.toString('utf8', from, to)));
        from = to + 1;
    }
    return lines;
}

/** A journal in `directory`: what it held when opened, and a way to add to it. */
class Journal {
    constructor(directory) {
        fs.mkdirSync(directory, { recursive: true });
        const file = path.join(directory, FILE);
        this.lines = fs.existsSync(file) ? readLines(file) : [];
        this.descriptor = fs.openSync(file, 'a');
        const folder = fs.openSync(directory, 'r');
        fs.fsyncSync(folder); // the file's name must survive as well as its content
        fs.closeSync(folder);
    }

    /** Returns only when the line is on disk. */
    append(line) {
        const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.descriptor, bytes, done);
        fs.fdatasyncSync(this.descriptor);
    }

    close() {
        fs.closeSync(this.descriptor);
    }
}

/** The same interface for a chain that may forget everything. */
class NoJournal {
    lines = [];
    append() {}
    close() {}
}

module.exports = { Journal, NoJournal };
