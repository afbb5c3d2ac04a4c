CREATE TABLE `api_keys` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text NOT NULL,
	`serviceAccountId` text,
	`name` text(100) NOT NULL,
	`scopes` text NOT NULL,
	`expiresAt` text NOT NULL,
	`revokedAt` text,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`ownerId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`serviceAccountId`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_id_unique` ON `api_keys` (`id`);
--> statement-breakpoint
CREATE INDEX `api_keys_by_owner` ON `api_keys` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `api_keys_by_service_account` ON `api_keys` (`serviceAccountId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `events` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`at` text NOT NULL,
	`actor` text NOT NULL,
	`impersonator` text,
	`reason` text,
	`operation` text NOT NULL,
	`resource` text NOT NULL,
	`record` text NOT NULL,
	`change` text NOT NULL,
	`tenant` text,
	`before` text,
	`after` text,
	`changed` text NOT NULL,
	`requestId` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `events_id_unique` ON `events` (`id`);
--> statement-breakpoint
CREATE INDEX `events_by_record` ON `events` (`resource`,`record`,`sequence`);
--> statement-breakpoint
CREATE INDEX `events_by_tenant` ON `events` (`tenant`,`sequence`);
--> statement-breakpoint
CREATE TABLE `guard` (
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key` text PRIMARY KEY NOT NULL,
	`inputHash` text NOT NULL,
	`answer` text NOT NULL,
	`expiresAt` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `idempotency_by_expiry` ON `idempotency` (`expiresAt`);
--> statement-breakpoint
CREATE TABLE `impersonations` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`userId` text NOT NULL,
	`administratorId` text NOT NULL,
	`sessionId` text NOT NULL,
	`reason` text(500) NOT NULL,
	`expiresAt` text NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`administratorId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `impersonations_id_unique` ON `impersonations` (`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_administrator` ON `impersonations` (`administratorId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_user` ON `impersonations` (`userId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_creation` ON `impersonations` (`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`topic` text NOT NULL,
	`subject` text NOT NULL,
	`payload` text NOT NULL,
	`createdAt` text NOT NULL,
	`dueAt` text NOT NULL,
	`attempts` integer NOT NULL,
	`lastError` text
);
--> statement-breakpoint
CREATE INDEX `outbox_by_due` ON `outbox` (`dueAt`);
--> statement-breakpoint
CREATE INDEX `outbox_by_subject` ON `outbox` (`topic`,`subject`,`id`);
--> statement-breakpoint
CREATE TABLE `service_accounts` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text(100) NOT NULL,
	`userId` text NOT NULL,
	`name` text(100) NOT NULL,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `service_accounts_id_unique` ON `service_accounts` (`id`);
--> statement-breakpoint
CREATE INDEX `service_accounts_by_owner` ON `service_accounts` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `service_accounts_by_user` ON `service_accounts` (`ownerId`,`userId`);
--> statement-breakpoint
CREATE TABLE `setup_codes` (
	`hash` text PRIMARY KEY NOT NULL,
	`expiresAt` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`kid` text PRIMARY KEY NOT NULL,
	`publicJwk` text NOT NULL,
	`sealedPrivate` text NOT NULL,
	`state` text NOT NULL,
	`createdAt` text NOT NULL,
	`activatedAt` text,
	`retiredAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_current` ON `signing_keys` (`state`) WHERE "state" = 'current';
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_next` ON `signing_keys` (`state`) WHERE "state" = 'next';
--> statement-breakpoint
CREATE TABLE `users` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`email` text(254),
	`name` text(100) NOT NULL,
	`roles` text NOT NULL,
	`status` text DEFAULT 'active' NOT NULL,
	`kind` text DEFAULT 'person' NOT NULL,
	`emailVerifiedAt` text,
	`deleteAfter` text,
	`passwordSealed` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_id_unique` ON `users` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);
--> statement-breakpoint
CREATE INDEX `users_by_creation` ON `users` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `users_by_status` ON `users` (`status`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `users_by_end` ON `users` (`deleteAfter`);
--> statement-breakpoint
CREATE TABLE `comments` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`taskId` text NOT NULL,
	`authorId` text NOT NULL,
	`body` text(10000) NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`taskId`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`authorId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `comments_id_unique` ON `comments` (`id`);
--> statement-breakpoint
CREATE INDEX `comments_by_task` ON `comments` (`taskId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `comments_by_author` ON `comments` (`authorId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `comments_by_organization` ON `comments` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `invitations` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`email` text(254) NOT NULL,
	`role` text DEFAULT 'member' NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`expiresAt` text NOT NULL,
	`invitedBy` text NOT NULL,
	`secretHash` text,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`invitedBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `invitations_id_unique` ON `invitations` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `invitations_once` ON `invitations` (`organizationId`,`email`);
--> statement-breakpoint
CREATE INDEX `invitations_by_organization` ON `invitations` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `invitations_by_status` ON `invitations` (`organizationId`,`status`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `members` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`userId` text NOT NULL,
	`role` text DEFAULT 'member' NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `members_id_unique` ON `members` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `members_once` ON `members` (`organizationId`,`userId`);
--> statement-breakpoint
CREATE INDEX `members_by_user` ON `members` (`userId`,`organizationId`,`role`);
--> statement-breakpoint
CREATE INDEX `members_by_organization` ON `members` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `members_by_user_creation` ON `members` (`userId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `organizations` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`name` text(100) NOT NULL,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `organizations_id_unique` ON `organizations` (`id`);
--> statement-breakpoint
CREATE INDEX `organizations_by_creation` ON `organizations` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `organizations_by_name` ON `organizations` (`name`,`id`);
--> statement-breakpoint
CREATE TABLE `project_members` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`projectId` text NOT NULL,
	`userId` text NOT NULL,
	`role` text DEFAULT 'viewer' NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`projectId`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `project_members_id_unique` ON `project_members` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `project_members_once` ON `project_members` (`projectId`,`userId`);
--> statement-breakpoint
CREATE INDEX `project_members_by_user` ON `project_members` (`userId`,`projectId`,`role`,`organizationId`);
--> statement-breakpoint
CREATE INDEX `project_members_by_project` ON `project_members` (`projectId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `project_members_by_organization` ON `project_members` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `project_members_by_user_creation` ON `project_members` (`userId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `projects` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`name` text(100) NOT NULL,
	`description` text(5000),
	`archived` integer DEFAULT false NOT NULL,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `projects_id_unique` ON `projects` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `projects_by_name` ON `projects` (`organizationId`,`name`);
--> statement-breakpoint
CREATE INDEX `projects_by_organization` ON `projects` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `projects_by_archived` ON `projects` (`organizationId`,`archived`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `shares` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`taskId` text NOT NULL,
	`userId` text NOT NULL,
	`level` text DEFAULT 'view' NOT NULL,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`taskId`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `shares_id_unique` ON `shares` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `shares_once` ON `shares` (`taskId`,`userId`);
--> statement-breakpoint
CREATE INDEX `shares_by_user` ON `shares` (`userId`,`taskId`,`level`);
--> statement-breakpoint
CREATE INDEX `shares_by_task` ON `shares` (`taskId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `shares_by_organization` ON `shares` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `tasks` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`organizationId` text NOT NULL,
	`projectId` text NOT NULL,
	`title` text(200) NOT NULL,
	`body` text(20000),
	`status` text DEFAULT 'open' NOT NULL,
	`priority` integer DEFAULT 2 NOT NULL,
	`estimateHours` real,
	`dueAt` text,
	`assigneeId` text,
	`internalNote` text(2000),
	`createdBy` text NOT NULL,
	FOREIGN KEY (`organizationId`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`projectId`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`assigneeId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tasks_id_unique` ON `tasks` (`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_organization` ON `tasks` (`organizationId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_project` ON `tasks` (`projectId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_assignee` ON `tasks` (`assigneeId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_status` ON `tasks` (`projectId`,`status`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_priority` ON `tasks` (`projectId`,`priority`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_due` ON `tasks` (`projectId`,`dueAt`,`id`);
--> statement-breakpoint
CREATE INDEX `tasks_by_rank` ON `tasks` (`projectId`,`priority`,`id`);
--> statement-breakpoint
CREATE TRIGGER `events_no_update` BEFORE UPDATE ON `events` BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `events_no_delete` BEFORE DELETE ON `events` BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `guard_abort` BEFORE INSERT ON `guard` BEGIN
	SELECT RAISE(ABORT, new.`name`);
END;
--> statement-breakpoint
CREATE VIRTUAL TABLE `tasks_search` USING fts5(`title`, `body`, content='tasks', content_rowid='row_key', tokenize='unicode61 remove_diacritics 2', prefix='2 3');
--> statement-breakpoint
CREATE TRIGGER `tasks_search_insert` AFTER INSERT ON `tasks` BEGIN
	INSERT INTO `tasks_search`(rowid, `title`, `body`) VALUES (new.`row_key`, new.`title`, new.`body`);
END;
--> statement-breakpoint
CREATE TRIGGER `tasks_search_update` AFTER UPDATE OF `title`, `body` ON `tasks` BEGIN
	INSERT INTO `tasks_search`(`tasks_search`, rowid, `title`, `body`) VALUES ('delete', old.`row_key`, old.`title`, old.`body`);
	INSERT INTO `tasks_search`(rowid, `title`, `body`) VALUES (new.`row_key`, new.`title`, new.`body`);
END;
--> statement-breakpoint
CREATE TRIGGER `tasks_search_delete` AFTER DELETE ON `tasks` BEGIN
	INSERT INTO `tasks_search`(`tasks_search`, rowid, `title`, `body`) VALUES ('delete', old.`row_key`, old.`title`, old.`body`);
END;
