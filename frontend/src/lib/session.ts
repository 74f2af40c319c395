import { computed, ref } from "vue";

export interface Membership {
  role: string;
  scopeKind: string;
  scopeId: string | null;
  scopeLabel: string;
}

export interface Person {
  id: string;
  name: string;
  phone: string;
  language: string;
  memberships: Membership[];
}

interface Session {
  token: string;
  person: Person;
}

const KEY = "yinong.session";

function stored(): Session | null {
  const text = localStorage.getItem(KEY);
  if (!text) return null;
  try {
    return JSON.parse(text) as Session;
  } catch (error) {
    // Only a half-written value of an older version ends here: the person signs in again.
    console.warn("unreadable session dropped", error);
    localStorage.removeItem(KEY);
    return null;
  }
}

const session = ref<Session | null>(stored());

export const person = computed(() => session.value?.person ?? null);
export const token = computed(() => session.value?.token ?? null);

export function startSession(next: Session): void {
  session.value = next;
  localStorage.setItem(KEY, JSON.stringify(next));
}

export function endSession(): void {
  session.value = null;
  localStorage.removeItem(KEY);
}

/** "platform" may do what any role of the business may; the tester's console is nobody's business. */
export function hasRole(...roles: string[]): boolean {
  const held = new Set((person.value?.memberships ?? []).map((one) => one.role));
  return roles.some((role) => held.has(role) || (role !== "tester" && held.has("platform")));
}

export function scopes(role: string): Membership[] {
  return (person.value?.memberships ?? []).filter((one) => one.role === role);
}
