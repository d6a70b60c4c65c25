// Client of the acme-chat service, for the web shop. It talks to our own service only.
import { z } from "zod";

const Answer = z.object({ text: z.string(), sources: z.array(z.string()) });
export type Answer = z.infer<typeof Answer>;

export class ChatClient {
  constructor(private readonly base: URL) {}

  async ask(question: string, signal?: AbortSignal): Promise<Answer> {
    const reply = await fetch(new URL("/v1/chat", this.base), {
      method: "POST",
      body: new URLSearchParams({ question }),
      signal,
    });
    if (!reply.ok) {
      throw new Error(`acme-chat answered ${reply.status}`);
    }
    return Answer.parse(await reply.json());
  }
}
