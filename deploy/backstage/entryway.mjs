// Files a request with Entryway on behalf of somebody, and waits until it is active. It needs nothing but Node 20, so that
// it can be tried without Backstage; module.mjs makes a scaffolder action of it.

import { setTimeout } from 'node:timers/promises';

/** How long one call is held by the service at most; the next call goes on waiting. */
const HOLD = '30s';

/**
 * @param {object} options
 * @param {string} options.baseUrl where Entryway is
 * @param {string} options.token the token of the service that speaks for people (policy: actFor)
 * @param {string} options.user whom it speaks for, as Entryway's directory spells them
 * @param {string} options.key names this ask: asking again with the same key files nothing
 * @param {object} options.ask the body of POST /v1/requests
 * @param {(line: string) => void} options.log told of everything that happens
 * @param {AbortSignal} [options.signal] ends the waiting, not the request
 * @param {number} [options.pause] seconds until a call that nobody answered is made again, the first time; then more
 * @returns {Promise<object>} the request once it is active
 * @throws {Error} when it was refused, turned down, or failed; the message says why and what to do
 */
export async function fileAndWait({ baseUrl, token, user, key, ask, log, signal, pause = 1 }) {
  const headers = { Authorization: `Bearer ${token}`, 'Entryway-On-Behalf-Of': user };
  const post = { method: 'POST', body: JSON.stringify(ask) };
  let request = await call(`${baseUrl}/v1/requests`, {
    ...post,
    headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': key },
    signal,
    pause,
  });
  const at = `${baseUrl}/v1/requests/${request.id}`;
  let told;
  for (;;) {
    const missing = request.state === 'pending' ? `: ${request.approval.missing.join('; ')}` : '';
    const line = `${request.id} ${request.state}${missing}`;
    if (line !== told) log((told = line));
    if (request.state === 'active') return request;
    if (!['pending', 'scheduled', 'applying', 'verifying'].includes(request.state)) {
      const deny = request.reviews.find(review => review.decision === 'deny');
      const why = request.lastError?.detail ?? (deny ? `${deny.reviewer}: ${deny.comment}` : request.endReason);
      throw new Error(`the request is ${request.state}${why ? `: ${why}` : ''}`);
    }
    request = await call(`${at}?wait=${HOLD}`, { headers, signal, pause });
  }
}

/** How often a call that was not answered, or not now, is made at most: a restart takes some seconds. */
const ATTEMPTS = 8;

/**
 * One call; repeated where nobody answered and where the service asks for that, which is safe: reads, and a POST with its
 * Idempotency-Key, which files once however often it comes.
 */
async function call(url, { pause, ...init }) {
  for (let attempt = 1; ; attempt += 1) {
    let answer, body;
    try {
      answer = await fetch(url, { ...init, redirect: 'error' });
      body = await answer.json();
    } catch (failure) {
      if (init.signal?.aborted) throw failure;
      // Half an answer is none; a whole one that is no JSON is somebody else's.
      if (!(failure instanceof SyntaxError)) answer = undefined;
      if (!answer && attempt >= ATTEMPTS) {
        throw new Error(`${url} does not answer: ${failure.cause?.message ?? failure.message}; is Entryway running there?`);
      }
    }
    if (answer?.ok && body) return body;
    const again = !answer || [429, 502, 503, 504].includes(answer.status) || body?.code === 'idempotency-in-flight';
    if (again && attempt < ATTEMPTS) {
      const seconds = Math.min(Number(answer?.headers.get('retry-after')) || Math.min(attempt, 5) * pause, 30);
      await setTimeout(seconds * 1000, undefined, { signal: init.signal });
    } else if (!Array.isArray(body?.errors)) {
      throw new Error(`${url} answered ${answer.status}, and not as Entryway does; is that its address, and nothing in between?`);
    } else {
      const places = body.errors.map(error => `\n${error.pointer ?? error.parameter}: ${error.detail} (${error.code})`);
      throw new Error(`${body.detail} (${body.code}, call ${body.requestId})${places.join('')}`);
    }
  }
}
