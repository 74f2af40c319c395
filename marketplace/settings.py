"""All settings in one file, from the environment through typed readers; secrets from it or from files."""

from pathlib import Path

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from marketplace import env

django_stubs_ext.monkeypatch()  # lets generic Django classes be written as ModelAdmin[Probe]


BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("YINONG_DATA", str(BASE_DIR / ".data")))

DEBUG = env.flag("DEBUG")
#: The tester's console moves business time and breaks cabinets; never on in production.
TESTER_CONSOLE = env.flag("TESTER_CONSOLE")
SECRET_KEY = env.secret("SECRET_KEY", "insecure-development-key" if DEBUG or TESTER_CONSOLE else "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "graphene_django",
    "marketplace.database",
    "marketplace.outbox",
    "marketplace.api",
    "marketplace.messages",
    "marketplace.accounts",
    "marketplace.places",
    "marketplace.custody",
    "marketplace.telemetry",
    "farmers",
    "catalog",
    "lockers",
    "routing",
    "orders.payments",
    "orders.ledger",
    "orders",
    "marketplace.simulation",
    "marketplace",
]
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "marketplace.accounts.hashers.PinHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        **env.database("DATABASE_URL", "postgresql:///yinong"),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"NAME": env.text("YINONG_TEST_DATABASE", "test_yinong")},
    }
}

REDIS_URL = env.text("REDIS_URL", "memory://")
MQTT_URL = env.text("MQTT_URL", "")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.02, "socket_connect_timeout": 2, "max_retries": 1}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "Asia/Shanghai"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "marketplace" / "locale"]
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
WHITENOISE_ROOT = FRONTEND_DIST if FRONTEND_DIST.is_dir() else None
WHITENOISE_INDEX_FILE = True
#: vite puts a hash into the name of everything below /assets/
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/assets/"
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "/media/"
STORAGES = {
    "default": {"BACKEND": env.text("FILE_STORAGE", "django.core.files.storage.FileSystemStorage")},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL.startswith("https://") else None
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

#: GraphQL limits: nesting of selections, and the sum of field costs (a list multiplies by its `first`).
GRAPHQL_MAX_DEPTH = env.integer("GRAPHQL_MAX_DEPTH", 12, 2, 50)
GRAPHQL_MAX_COMPLEXITY = env.integer("GRAPHQL_MAX_COMPLEXITY", 20_000, 100, 10_000_000)
GRAPHQL_MAX_BYTES = 256 * 1024
READINGS_KEPT_DAYS = env.integer("READINGS_KEPT_DAYS", 90, 14, 4000)
READING_HOURS_KEPT_DAYS = env.integer("READING_HOURS_KEPT_DAYS", 1100, 14, 40_000)

ACCESS_TOKEN_DAYS = env.integer("ACCESS_TOKEN_DAYS", 30, 1, 400)
SIGN_IN_CODE_MINUTES = env.integer("SIGN_IN_CODE_MINUTES", 5, 1, 60)

#: Where the cabinets' transport listens (unix socket), and where simulated cabinets take a person's hand.
DEVICE_SOCKET = env.text("DEVICE_SOCKET", str(DATA_DIR / "devices.sock"))
CABINET_CONTROL_URL = env.text("CABINET_CONTROL_URL", "")
#: Root keys of the lockers, and the keys of makers' platforms, live outside the database.
CARRIER_FILE = env.text("CARRIER_FILE", str(DATA_DIR / "keys" / "carriers.json"))
LOCKER_KEY_FILE = env.text("LOCKER_KEY_FILE", str(DATA_DIR / "keys" / "locker.json"))

#: Threads of one planning task: above one, large waves are cut into sectors whose borders move.
PLAN_WORKERS = env.integer("PLAN_WORKERS", 1, 1, 64)
#: Legs of a sector: a hub's wave of at least two sectors is cut, and each is solved by a task of its own.
PLAN_SECTOR_LEGS = env.integer("PLAN_SECTOR_LEGS", 2_000, 1, 1_000_000)
#: A road server for distances; without one they are great circle x detour. One of the two at most.
OSRM_URL = env.url("OSRM_URL")
VALHALLA_URL = env.url("VALHALLA_URL")
if OSRM_URL and VALHALLA_URL:
    raise ImproperlyConfigured("Set OSRM_URL or VALHALLA_URL, not both.")

ALIPAY_GATEWAY_URL = env.text("ALIPAY_GATEWAY_URL", "")
ALIPAY_APP_ID = env.text("ALIPAY_APP_ID", "")
ALIPAY_SELLER_ID = env.text("ALIPAY_SELLER_ID", "")
#: Our own key and the provider's public keys: themselves, or files that are read again when they change.
ALIPAY_APP_PRIVATE_KEY = env.text("ALIPAY_APP_PRIVATE_KEY", "")
ALIPAY_APP_PRIVATE_KEY_FILE = env.text("ALIPAY_APP_PRIVATE_KEY_FILE", "")
ALIPAY_PUBLIC_KEY = env.text("ALIPAY_PUBLIC_KEY", "")
ALIPAY_PUBLIC_KEY_FILE = env.text("ALIPAY_PUBLIC_KEY_FILE", "")
#: What the contract with the provider names: PRE_AUTH_ONLINE (in the app) or PRE_AUTH (at a counter).
ALIPAY_PRE_AUTH_PRODUCT = env.text("ALIPAY_PRE_AUTH_PRODUCT", "PRE_AUTH_ONLINE")
#: Secret keys of the Stripe-compatible payment API, comma-separated: the old one stays while callers change
#: to the new one. Without any the API lets nobody in.
STRIPE_API_KEY = env.secret("STRIPE_API_KEY")

LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "celery": {"level": LOG_LEVEL},
    },
}
