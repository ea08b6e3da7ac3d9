import { styleText } from "node:util";

const FRAMES = ["◒", "◐", "◓", "◑"];
const FRAME_TIME = 120;

/**
 * Tells what is going on. On a terminal a step turns while it runs; elsewhere it is a line.
 * Keys are left alone, so that Ctrl-C stays a signal and the run can clean up.
 */
export class Reporter {
  readonly #output: NodeJS.WriteStream;
  readonly #fancy: boolean;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    this.#fancy = output.isTTY && process.env.TERM !== "dumb";
  }

  line(text = ""): void {
    this.#output.write(`${text}\n`);
  }

  style(format: Parameters<typeof styleText>[0], text: string): string {
    return this.#fancy && !process.env.NO_COLOR ? styleText(format, text) : text;
  }

  /** Shows `doing` while `work` runs, and `done` of its result afterwards. */
  async step<T>(doing: string, work: () => Promise<T>, done: (result: T) => string | undefined): Promise<T> {
    const spinner = this.#spin(doing);
    try {
      const result = await work();
      const text = done(result);
      spinner(text === undefined ? undefined : `${this.style("green", "✓")} ${text}`);
      return result;
    } catch (error) {
      spinner(undefined);
      throw error;
    }
  }

  #spin(doing: string): (last: string | undefined) => void {
    if (!this.#fancy) {
      return (last) => {
        if (last !== undefined) this.line(last);
      };
    }
    const start = Date.now();
    let frame = 0;
    const draw = () => {
      const seconds = Math.floor((Date.now() - start) / 1000);
      const elapsed = seconds >= 3 ? this.style("dim", ` ${seconds} s`) : "";
      this.#output.write(`\r\u001b[2K${this.style("cyan", FRAMES[frame++ % FRAMES.length] ?? "")} ${doing}${elapsed}`);
    };
    draw();
    const timer = setInterval(draw, FRAME_TIME);
    return (last) => {
      clearInterval(timer);
      this.#output.write("\r\u001b[2K");
      if (last !== undefined) this.line(last);
    };
  }
}
