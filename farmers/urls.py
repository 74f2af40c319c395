from django.urls import path

from farmers.views import download_file, upload_file

urlpatterns = [
    path("files", upload_file, name="upload_file"),
    path("files/<uuid:file_uuid>", download_file, name="download_file"),
]
