'use strict';
// The HTTP door: routes, JSON, faults on demand, one request at a time so that every answer is of one state.

const http = require('node:http');
const adminApi = require('./admin');
const apiV2 = require('./api_v2');
const apiV3 = require('./api_v3');
const { NotAccepted } = require('./chain');
const { BadRequest } = require('./shapes');

const BODY_MAX = 4 * 1024 * 1024;
const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

class NotFound extends Error {}

function take(faults, name) {
    if (!(faults[name] > 0)) return false;
    faults[name] -= 1;
    return true;
}

async function readBody(request) {
    const parts = [];
    let size = 0;
    for await (const part of request) {
        size += part.length;
        if (size > BODY_MAX) throw new BadRequest('request is too large');
        parts.push(part);
    }
    if (!size) return {};
    try {
        return JSON.parse(Buffer.concat(parts).toString('utf8'));
    } catch {
        throw new BadRequest('body is not JSON');
    }
}

function readQuery(url) {
    const query = {};
    for (const name of new Set(url.searchParams.keys())) {
        const values = url.searchParams.getAll(name);
        query[name] = values.length > 1 ? values : values[0];
    }
    return query;
}

function method(table, name) {
    if (!Object.hasOwn(table, name ?? '')) throw new NotFound(`no such method: ${name}`);
    return table[name];
}

/** HTTP status and body of a failure, in the words of the API that was asked. */
function failure(error, version) {
    const code = error instanceof BadRequest ? 422 : error instanceof NotFound ? 404 : error.status ?? 500;
    const words = error instanceof NotAccepted ? `LITE_SERVER_UNKNOWN: ${error.message}` : error.message;
    return [code, version === 'v2' ? { ok: false, error: words, code } : { error: words, code }];
}

function build({ chain }) {
    const faults = {};

    async function submit(cell) {
        if (take(faults, 'dropSend')) return; // a friendly answer, and the message is lost
        await chain.send(cell);
        if (take(faults, 'failAfterSend')) throw Object.assign(new Error('upstream timed out'), { status: 504 }); // it was accepted
    }

    const parts = { chain, submit, faults };
    const v2 = apiV2.build(parts);
    const v3 = apiV3.build(parts);
    const admin = adminApi.build(parts);

    async function route(kind, version, name, query, body) {
        if (kind === 'admin') return method(admin, version)({ ...query, ...body });
        if (kind !== 'api') throw new NotFound('no such path');
        if (take(faults, 'http429')) throw Object.assign(new Error('Ratelimit exceed'), { status: 429 });
        if (take(faults, 'http500')) throw Object.assign(new Error('upstream error'), { status: 500 });
        if (version === 'v3') return method(v3, name)({ ...query, ...body });
        if (version !== 'v2') throw new NotFound('no such version');
        if (name !== 'jsonRPC') return { ok: true, result: await method(v2, name)({ ...query, ...body }) };
        return { ok: true, result: await method(v2, body.method)(body.params ?? {}), jsonrpc: '2.0', id: body.id ?? null };
    }

    let turn = Promise.resolve();
    /** Runs work after all earlier work; blocks and requests take turns through here. */
    function inTurn(work) {
        const result = turn.then(work);
        turn = result.catch(() => {});
        return result;
    }

    async function answer(request, response) {
        const url = new URL(request.url, 'http://127.0.0.1');
        const [kind, version, ...names] = url.pathname.split('/').filter(Boolean);
        let code = 200;
        let out;
        try {
            if (!LOCAL_HOST.test(request.headers.host ?? '')) throw new NotFound('this chain is local');
            const body = await readBody(request);
            out = await inTurn(() => route(kind, version, names.length ? names.join('/') : undefined, readQuery(url), body));
        } catch (error) {
            [code, out] = failure(error, version);
        }
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(JSON.stringify(out));
    }

    const server = http.createServer((request, response) => {
        answer(request, response).catch((error) => response.destroy(error));
    });
    return { server, inTurn };
}

module.exports = { build };
