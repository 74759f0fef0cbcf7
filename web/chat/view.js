// One chat: its messages, the answer that runs in it, and the place where the next question is written.

import { ask, get, page } from '../lib/api.js';
import { h, icon, fill } from '../lib/dom.js';
import { keep } from '../lib/keep.js';
import { explain, notify, report, say, waiting } from '../shell/notice.js';
import { text } from '../text.js';
import { readAttachment, showProgress } from './attachments.js';
import { Follower } from './follower.js';
import { AnswerView, QuestionView, editOf } from './message.js';
import { isBuiltInOnly, knownModels } from './models.js';
import { Turn } from './turns.js';

/** @typedef {import('../types.js').Message} Message */
/** @typedef {import('./composer.js').Composer} Composer */

const PAGE = 50;
const JUMP_PAGE = 200;
/** A jump looks this many pages back. */
const MAX_JUMPS = 100;

/**
 * What a chat tells the page around it.
 * @typedef {object} Surroundings
 * @property {(id: number) => void} onCreated
 * @property {(id: number, title: string) => void} onTitle
 * @property {(id: number, answer: number, isRunning: boolean) => void} onActivity
 * @property {() => void} onMoney
 */

export class ChatView {
  /** @type {number | null} */
  id;
  /** @type {Turn | null} */
  turn = null;
  /** @type {Map<number, QuestionView | AnswerView>} */
  #views = new Map();
  #earlier = /** @type {string | null} */ (null);
  #isLoadingEarlier = false;
  #isLeft = false;
  #loads = 0;

  /**
   * @param {number | null} id null for a chat that begins
   * @param {Composer} composer
   * @param {Surroundings} around
   */
  constructor(id, composer, around) {
    this.id = id;
    this.composer = composer;
    this.around = around;
    this.list = h('div', { class: 'messages' });
    this.scroller = h('div', { class: 'scroller', tabindex: '-1' }, this.list);
    this.follower = new Follower(this.scroller, this.list);
    this.element = h('div', { class: 'chat' }, this.scroller, h('div', { class: 'dock' }, this.follower.button, composer.element, composer.gauge.element));
    this.scroller.addEventListener('scroll', () => {
      if (this.scroller.scrollTop < 600) this.#loadEarlier();
    }, { passive: true });
    /** @type {import('./message.js').Actions} */
    this.actions = {
      edit: (message, question) => this.#askInstead(message, question),
      regenerate: (message, model) => this.regenerate(message, model),
      goOn: (message) => this.regenerate(message, '', message.text),
      choose: (sibling, near) => this.#choose(sibling, near),
      models: knownModels,
    };
  }

  /** Whether nothing is lost when it is read again: no answer is coming, nobody edits a question. */
  get isIdle() {
    return (!this.turn || this.turn.hasEnded) && !this.list.querySelector('form.edit');
  }

  /**
   * Shows the chat.
   * @param {number} [target] a message to go to
   */
  async open(target) {
    if (this.id === null) {
      this.#greet();
      await this.composer.open('new', null);
      return;
    }
    fill(this.list, waiting());
    this.composer.open(String(this.id), null);
    await this.reload(target);
  }

  /**
   * Reads the latest messages again.
   * @param {number} [target]
   */
  async reload(target) {
    const load = (this.#loads += 1);
    let found;
    try {
      found = await page(`conversations/${this.id}/messages`, { limit: PAGE, steps: 'true' });
    } catch (error) {
      if (!this.#isLeft) this.#showFault(error);
      return;
    }
    if (this.#isLeft || load !== this.#loads) return;
    this.turn?.leave();
    this.turn = null;
    this.#views.clear();
    this.list.replaceChildren();
    this.#earlier = found.prev;
    /** @type {Message[]} */
    const messages = found.body.messages;
    this.list.append(...messages.map((message) => this.#place(message)));
    if (messages.length === 0) this.#greet();
    const last = messages.at(-1);
    if (last?.model && this.composer.draftName === String(this.id) && !this.composer.hasDraft) {
      const model = last.model;
      if (knownModels().includes(model)) this.composer.setModel(model);
    }
    if (target) await this.jump(target);
    else this.follower.toEnd();
    const running = messages.findLast((message) => message.status === 'running');
    if (running) this.#watch(Turn.of(running), /** @type {AnswerView} */ (this.#views.get(running.id)));
    else this.composer.setRunning(false);
  }

  /** The page shows something else now. A running answer goes on. */
  leave() {
    this.#isLeft = true;
    const { turn } = this;
    if (turn && !turn.hasEnded && turn.responseId && turn.conversationId) {
      this.around.onActivity(turn.conversationId, turn.responseId, true);
    }
    turn?.leave();
    this.follower.end();
  }

  /**
   * Sends a question.
   * @param {string} question
   * @param {File[]} files
   * @param {string} model
   * @param {Message} [instead] the question it is asked instead of
   */
  async send(question, files, model, instead) {
    if (this.turn && !this.turn.hasEnded) return;
    if (this.id === null) this.list.replaceChildren();
    const after = instead ? this.#removeFrom(instead.id) : [];
    const asked = new QuestionView({ id: 0, text: question, attachments: [], created_at: '' }, this.actions, files);
    const answer = new AnswerView(this.actions);
    const turn = new Turn();
    const draft = this.composer.draftName;
    this.list.append(asked.element, answer.element);
    if (!instead) this.composer.clear();
    answer.follow(turn);
    this.follower.toEnd();
    await this.#run(turn, asked, answer, () => turn.send(
      { text: question, files, model, conversationId: this.id, parentId: instead ? instead.parent_id ?? 0 : undefined },
      (loaded) => {
        const list = /** @type {HTMLElement | null} */ (asked.element.querySelector('.files'));
        if (list) showProgress(list, files, loaded);
      }),
    (reason) => {
      asked.element.remove();
      answer.element.remove();
      this.list.append(...after);
      if (this.id === null) this.#greet();
      if (instead) notify(`${text.composer.notSent} ${reason}`, { kind: 'error' });
      else this.composer.giveBack(question, files, `${text.composer.notSent} ${reason}`);
    }, () => {
      if (instead) keep(editOf(instead.id), undefined);
      else this.composer.forget(draft);
    });
  }

  /**
   * Asks a question in place of another, with the files of that one.
   * @param {Message} message
   * @param {string} question
   */
  async #askInstead(message, question) {
    if (this.#isAnswering()) return;
    try {
      const files = await Promise.all(message.attachments.map(readAttachment));
      if (!this.#isLeft) await this.send(question, files, this.composer.model, message);
    } catch (error) {
      notify(`${text.composer.notSent} ${explain(error)}`, { kind: 'error' });
    }
  }

  /**
   * Answers a question again.
   * @param {Message} message the answer it has
   * @param {string} model
   * @param {string} [begun] what the answer says that is gone on with
   */
  async regenerate(message, model, begun) {
    if (this.#isAnswering()) return;
    const after = this.#removeFrom(message.id);
    const answer = new AnswerView(this.actions);
    const turn = new Turn();
    if (begun) answer.begin(begun);
    this.list.append(answer.element);
    answer.follow(turn);
    this.follower.toEnd();
    await this.#run(turn, null, answer, () => turn.regenerate(message.id, model, Boolean(begun)), (reason) => {
      answer.element.remove();
      this.list.append(...after);
      notify(`${text.composer.notSent} ${reason}`, { kind: 'error' });
    }, () => {});
  }

  /** Whether an answer is coming, which whoever asks for another is told. */
  #isAnswering() {
    if (!this.turn || this.turn.hasEnded) return false;
    notify(text.chat.oneAtATime);
    return true;
  }

  async stop() {
    try {
      if (this.turn && !this.turn.hasEnded) await this.turn.stop();
    } catch (error) {
      report(error);
    }
  }

  /** Puts the last question into a field. */
  editLast() {
    const question = [...this.#views.values()].findLast((view) => view instanceof QuestionView);
    if (question instanceof QuestionView) question.edit();
  }

  /**
   * Goes to a message, which may be far back or on another branch.
   * @param {number} target
   */
  async jump(target) {
    for (let tried = 0; !this.#views.has(target) && this.#earlier && tried < MAX_JUMPS; tried += 1) await this.#loadEarlier(JUMP_PAGE);
    const element = this.#views.get(target)?.element;
    if (!element) {
      await this.#choose(target, null);
      return;
    }
    this.follower.release();
    element.scrollIntoView({ block: 'start' });
    element.focus({ preventScroll: true });
    element.classList.add('found');
    element.addEventListener('animationend', () => element.classList.remove('found'), { once: true });
  }

  /**
   * @param {Turn} turn
   * @param {QuestionView | null} asked
   * @param {AnswerView} answer
   * @param {() => Promise<void>} begin
   * @param {(reason: string) => void} onRefused
   * @param {() => void} onKnown
   */
  async #run(turn, asked, answer, begin, onRefused, onKnown) {
    this.turn = turn;
    this.composer.setRunning(true);
    turn.read(() => { if (!this.#isLeft) answer.follow(turn); });
    try {
      await begin();
      await turn.known();
    } catch (error) {
      if (this.#isLeft) {
        notify(`${text.composer.notSent} ${explain(error)}`, { kind: 'error' });
        return;
      }
      this.turn = null;
      this.composer.setRunning(false);
      onRefused(explain(error));
      return;
    }
    onKnown();
    if (asked) this.#views.set(turn.requestId, asked);
    this.#views.set(turn.responseId, answer);
    const isNew = this.id === null;
    if (turn.conversationId && this.#isLeft) this.around.onActivity(turn.conversationId, turn.responseId, true);
    if (this.#isLeft) {
      turn.leave();
      return;
    }
    if (isNew && turn.conversationId) {
      this.id = turn.conversationId;
      this.composer.rename(String(this.id));
      this.around.onCreated(this.id);
    }
    await this.#watch(turn, answer);
  }

  /**
   * Follows a turn to its end.
   * @param {Turn} turn
   * @param {AnswerView} answer
   */
  async #watch(turn, answer) {
    this.turn = turn;
    this.composer.setRunning(true);
    say(text.chat.answering);
    let title = '';
    turn.read(() => {
      if (this.#isLeft) return;
      answer.follow(turn);
      if (turn.title !== title && turn.conversationId) this.around.onTitle(turn.conversationId, title = turn.title);
    });
    answer.follow(turn);
    await turn.follow();
    if (this.#isLeft || this.turn !== turn) return;
    this.composer.setRunning(false);
    say(turn.status === 'complete' ? text.chat.answered : text.chat.notComplete);
    this.around.onMoney();
    if (turn.conversationId) this.around.onActivity(turn.conversationId, turn.responseId, false);
    await this.#settle(turn);
  }

  /**
   * What is stored is what stays: siblings, prices, the final text.
   * @param {Turn} turn
   */
  async #settle(turn) {
    try {
      const { messages } = await get(`conversations/${turn.conversationId}/messages`, { limit: 2 });
      if (this.#isLeft) return;
      for (const message of /** @type {Message[]} */ (messages)) {
        const view = this.#views.get(message.id);
        if (view instanceof AnswerView) view.show(message);
        else if (view instanceof QuestionView && view.message.id === 0) view.become(message);
        else if (view instanceof QuestionView && view.message.id === message.id) view.message = message;
      }
    } catch (error) {
      report(error);
    }
  }

  /** @param {Message} message */
  #place(message) {
    const view = message.role === 'user' ? new QuestionView(message, this.actions) : new AnswerView(this.actions);
    if (view instanceof AnswerView) {
      if (message.status === 'running') view.message = message;
      else view.show(message);
    }
    this.#views.set(message.id, view);
    return view.element;
  }

  /**
   * Takes a message and what follows it out of sight; they are on a branch of their own from now on.
   * @param {number} id
   * @returns {Element[]}
   */
  #removeFrom(id) {
    const first = this.#views.get(id)?.element;
    const all = [...this.list.children];
    const removed = first ? all.slice(all.indexOf(first)) : [];
    for (const element of removed) element.remove();
    return removed;
  }

  /**
   * @param {number} sibling
   * @param {HTMLElement | null} near what stays where it is on the screen
   */
  async #choose(sibling, near) {
    const top = near?.getBoundingClientRect().top ?? 0;
    try {
      await ask('PUT', `conversations/${this.id}/head`, { json: { message_id: sibling } });
      await this.reload();
    } catch (error) {
      report(error);
      return;
    }
    const chosen = this.#views.get(sibling)?.element;
    if (!chosen) return;
    this.follower.release();
    if (near) this.scroller.scrollTop += chosen.getBoundingClientRect().top - top;
    else chosen.scrollIntoView();
    /** @type {HTMLElement | null} */ (chosen.querySelector('.branches button:not(:disabled)'))?.focus({ preventScroll: true });
  }

  async #loadEarlier(limit = PAGE) {
    if (!this.#earlier || this.#isLoadingEarlier) return;
    this.#isLoadingEarlier = true;
    const note = h('p', { class: 'quiet earlier', role: 'status' }, text.chat.loadEarlier);
    this.list.prepend(note);
    const load = this.#loads;
    try {
      const found = await page(`conversations/${this.id}/messages`, { limit, before: this.#earlier, steps: 'true' });
      if (this.#isLeft || load !== this.#loads) return;
      this.#earlier = found.prev;
      const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
      note.remove();
      this.list.prepend(...found.body.messages.map((/** @type {Message} */ message) => this.#place(message)));
      this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
    } catch (error) {
      report(error);
    } finally {
      note.remove();
      this.#isLoadingEarlier = false;
    }
  }

  #greet() {
    fill(this.list, h('section', { class: 'greeting' },
      h('h2', null, text.chat.heading),
      isBuiltInOnly() && h('p', { class: 'about' }, text.chat.builtIn),
      h('ul', null, text.chat.suggestions.map((suggestion) => h('li', null,
        h('button', { type: 'button', onclick: () => this.send(suggestion.text, [], this.composer.model) },
          h('b', null, suggestion.title), h('span', null, suggestion.text)))))));
  }

  /** @param {unknown} error */
  #showFault(error) {
    const isGone = /** @type {any} */ (error)?.status === 404;
    // There is nothing to write to.
    this.element.classList.toggle('gone', isGone);
    fill(this.list, h('section', { class: 'greeting empty' },
      icon('warning'),
      h('h2', null, isGone ? text.shell.notFound : explain(error)),
      isGone ? h('p', null, text.shell.notFoundLead) : h('button', { type: 'button', class: 'button', onclick: () => this.reload() }, text.tryAgain)));
  }
}
