// The Rotate wizard without a mouse: Return goes on from step to step, Escape asks before anything is given up, and nothing that is
// hidden can be read anywhere in the page.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

const shows = (page: Page, kind: string) => page.locator(`[data-page="${kind}"]`).waitFor();
const focused = (page: Page, action: string) =>
  page.waitForFunction(
    (wanted) => (document.activeElement as HTMLElement)?.dataset["action"] === wanted,
    action,
  );

test("Return alone leads from the plan to the end", async () => {
  const page = await stage.openRotate("scene=plan&signs=right&delay=30", { still: true });
  await focused(page, "begin");
  await page.keyboard.press("Enter");
  await shows(page, "confirm");
  await focused(page, "keep");
  await page.keyboard.press("Enter");
  await shows(page, "done");
  await focused(page, "close");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.title()).toBe("closed");
});

test("a new profile is named by keys, and a name that is taken goes nowhere", async () => {
  const page = await stage.openRotate("scene=new&delay=30", { still: true });
  await page.waitForFunction(() => document.activeElement instanceof HTMLInputElement);
  await page.keyboard.type("work");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await page.keyboard.type("-2");
  await page.locator('[data-action="begin"]:enabled').waitFor();
  await page.keyboard.press("Enter");
  await shows(page, "browser");
  expect(await page.locator("main").textContent()).toContain("work-2");
});

test("Escape asks before a sign-in is given up, and Escape again goes on with it", async () => {
  const page = await stage.openRotate("scene=browser&delay=30", { still: true });
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor();
  await focused(page, "go-on");
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  await shows(page, "browser");
  expect(await page.title()).not.toBe("closed");
  await page.keyboard.press("Escape");
  await page.locator('[data-action="cancel-sign-in"]').focus();
  await page.keyboard.press("Enter");
  await shows(page, "over");
});

test.each(["plan", "browser"])('Ctrl+W closes the window at "%s" and cancels nothing', async (scene) => {
  const page = await stage.openRotate(`scene=${scene}&delay=30`);
  await page.keyboard.press("Control+w");
  await expect.poll(() => page.title()).toBe("closed");
  expect(await page.locator('[data-page="over"]').count()).toBe(0);
});

test("where nothing has begun Escape closes the window", async () => {
  const page = await stage.openRotate("scene=plan&delay=30");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.title()).toBe("closed");
});

test("all logins that are due are renewed one after the other", async () => {
  const page = await stage.openRotate("scene=due&signs=right&delay=20", { still: true });
  const seen: string[] = [];
  await page.locator('[data-action="begin"]:enabled').click();
  for (let turn = 0; turn < 3; turn++) {
    await page.locator('[data-action="keep"]:enabled').click();
    await shows(page, "done");
    seen.push((await page.locator("h1").textContent()) ?? "");
    const next = page.locator('[data-action="next"]');
    if (turn < 2) await next.click();
    else expect(await next.count()).toBe(0);
  }
  expect(seen).toEqual(["“old-lab” is renewed", "“client-north” is renewed", "“teaching” is renewed"]);
});

test("a wrong account is kept under a new name, or for its owner", async () => {
  const another = await stage.openRotate("scene=wrong&delay=20", { still: true });
  await another.locator('[data-action="keep-as-new"]').click();
  await another.keyboard.type("home");
  await another.keyboard.press("Enter");
  await another.getByText("“home” is a profile now").first().waitFor();

  const owned = await stage.openRotate("scene=owner&delay=20", { still: true });
  await owned.locator('[data-action="keep-for-owner"]').click();
  await owned.getByText("“personal” is renewed").first().waitFor();
});

test("a code that is pasted is sent once, and stands nowhere afterwards", async () => {
  const page = await stage.openRotate("scene=browser&delay=300", { still: true });
  await page.locator("summary").click();
  await page.locator("details input").fill("made-up-code");
  await page.keyboard.press("Enter");
  expect(await page.locator("details input").inputValue()).toBe("");
  await shows(page, "confirm");
});

test("hidden addresses are nowhere in the page", async () => {
  for (const scene of ["plan", "browser", "confirm", "wrong", "owner"]) {
    const page = await stage.openRotate(`scene=${scene}&hides=always&delay=20`, { still: true });
    await page.locator("h1").waitFor();
    const everything = await page.evaluate(() => {
      const attributes = [...document.body.querySelectorAll("*")].flatMap((each) =>
        [...each.attributes].map(({ value }) => value),
      );
      return [document.body.textContent, ...attributes].join("\n");
    });
    expect(everything, scene).not.toMatch(/[\w.]+@[\w.]+/);
  }
});

test("nothing moves for a person who asked for less motion", async () => {
  const page = await stage.openRotate("scene=browser&delay=20", { still: true });
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});
