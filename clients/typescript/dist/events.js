function eventOf(lines, lastId) {
    let event = "message";
    let id = lastId;
    const data = [];
    for (const line of lines) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event")
            event = value;
        else if (field === "data")
            data.push(value);
        else if (field === "id" && !value.includes("\0"))
            id = value;
    }
    if (data.length === 0)
        return undefined;
    const text = data.join("\n");
    try {
        return { event, id, data: JSON.parse(text) };
    }
    catch {
        return { event, id, data: text };
    }
}
/** Most characters of one event: a stream that never ends a line must not fill the memory. */
const LARGEST = 64 * 1024 * 1024;
/**
 * The events of a text/event-stream (WHATWG HTML, 9.2): lines end with CR, LF or both, an empty one ends an event, those that begin with a colon keep the connection alive.
 * `read` gives the next bytes, undefined at the end; what was begun and not ended is dropped.
 */
export async function* parseEvents(read) {
    const decoder = new TextDecoder();
    let buffer = "";
    let lines = [];
    let held = 0;
    let lastId = "";
    for (;;) {
        const bytes = await read();
        if (bytes === undefined)
            return;
        buffer += decoder.decode(bytes, { stream: true });
        // A CR at the very end may be the half of a CR LF.
        for (let match = /\r\n|\n|\r(?!$)/.exec(buffer); match; match = /\r\n|\n|\r(?!$)/.exec(buffer)) {
            const line = buffer.slice(0, match.index);
            buffer = buffer.slice(match.index + match[0].length);
            if (line !== "") {
                if (!line.startsWith(":"))
                    lines.push(line);
                held += line.length;
                continue;
            }
            const event = eventOf(lines, lastId);
            lines = [];
            held = 0;
            if (event) {
                lastId = event.id;
                yield event;
            }
        }
        if (held + buffer.length > LARGEST)
            throw new Error(`an event of more than ${LARGEST} characters`);
    }
}
