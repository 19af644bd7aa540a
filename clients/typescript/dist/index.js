/**
 * Client of merx: answers with reasons for online shops, live events, and what else merx serve does.
 *
 *     const merx = new MerxClient({ url: "http://127.0.0.1:7373", key: "merx_..." });
 *     const reply = await merx.answers.recommend({ customer: "C0000098", n: 3, why: true });
 */
import { Routes } from "./generated.js";
export class MerxClient extends Routes {
}
export { newId } from "./core.js";
export { MerxError } from "./errors.js";
