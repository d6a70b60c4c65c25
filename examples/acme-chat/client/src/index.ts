// Client of the acme-chat service, for the web shop. It talks to our own service only.
export interface Answer {
  readonly text: string;
  readonly sources: readonly string[];
}

function isAnswer(value: unknown): value is Answer {
  const answer = value as Partial<Answer> | null;
  return typeof answer?.text === "string" && Array.isArray(answer.sources);
}

export class ChatClient {
  constructor(private readonly base: URL) {}

  async ask(question: string, signal?: AbortSignal): Promise<Answer> {
    const reply = await fetch(new URL("/v1/chat", this.base), {
      method: "POST",
      body: new URLSearchParams({ question }),
      signal: signal ?? null,
    });
    const answer: unknown = await reply.json();
    if (!reply.ok || !isAnswer(answer)) {
      throw new Error(`acme-chat answered ${reply.status}`);
    }
    return answer;
  }
}
